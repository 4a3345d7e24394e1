import { isAscii } from './address.ts'
import type { Envelope } from './envelope.ts'
import type { BodyFacts } from './facts.ts'

/**
 * Whether mail needs SMTPUTF8 (RFC 6531 3.4): an address of its envelope or a header field, at any depth, is beyond ASCII.
 * What was said of it when it came does not count.
 */
export const isInternational = ({ envelope: { sender, recipients }, facts }: InternationalOrNot): boolean =>
  facts.rawHeaders?.utf8 === true ||
  [sender, ...recipients.map(({ address }) => address)].some((one) => one !== null && !isAscii(one.local + one.domain))

interface InternationalOrNot {
  readonly envelope: Pick<Envelope, 'sender' | 'recipients'>
  readonly facts: Pick<BodyFacts, 'rawHeaders'>
}
