const LABEL = '[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?'
const NAME = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`)

/**
 * Whether `text` can be a host's name in the DNS: A-labels without a trailing dot, at most 253 octets (RFC 1035 2.3.4),
 * the last one not a number, for that is an IPv4 address (RFC 1123 2.1). An underscore is no host name, but such exist.
 */
export const isHostName = (text: string): boolean => text.length <= 253 && NAME.test(text) && !/(?:^|\.)\d+$/.test(text)

const QUESTION = /^[ -\-/-~]{1,63}(?:\.[ -\-/-~]{1,63})*$/

/** Whether a name server can be asked for `text`, be it a host's name or not (RFC 2181 section 11): no root, no octets above 126. */
export const isQuestion = (text: string): boolean => text.length <= 253 && QUESTION.test(text)
