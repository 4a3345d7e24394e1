import { z } from 'zod'
import type { ParamBag } from '../mail/envelope.ts'
import { type Reply, reply } from '../mail/reply.ts'
import type { Header } from '../mime/fields.ts'
import type { Extension, Hop, OutboundMail, Param, Remedy } from '../smtp/extension.ts'
import { flag, get, oneOf } from '../smtp/param.ts'

const ONLY_UNDER_TLS = reply(530, '5.7.10', 'REQUIRETLS can only be asked for under TLS')

const REQUIRETLS: Param<true> = {
  ...flag('REQUIRETLS', { endsHere: true }),
  answers: { unavailable: ONLY_UNDER_TLS },
}

/** The header field of this name, kept with the mail where it counts (RFC 8689 section 3). */
const TLS_REQUIRED: Param<'NO'> = { ...oneOf('TLS-REQUIRED', ['NO'], { endsHere: true }), unsaid: true }

const FIELD = 'TLS-Required'

export interface RequireTlsSettings {
  /** Whether an MX record that nobody vouches for may lead to the host, if the host's certificate proves its name. */
  readonly 'unproved-mx': 'accept' | 'refuse'
}

export const requireTlsSettings: z.ZodType<RequireTlsSettings> = z.strictObject({
  'unproved-mx': z
    .enum(['accept', 'refuse'])
    .default('accept')
    .describe(
      'Whether mail that requires TLS goes to a host that an unsigned MX record names, when its certificate is right; RFC 8689 says no.',
    ),
})

const isRequired = (params: ParamBag): boolean => get(params, REQUIRETLS) === true
const isOptional = (params: ParamBag): boolean => !isRequired(params) && get(params, TLS_REQUIRED) === 'NO'

/** One field, and no other word in it: more of them, or another, mean nothing. */
const saysNo = (header: Header): boolean => {
  const [value, ...more] = header.values(FIELD)
  return value?.toUpperCase() === 'NO' && more.length === 0
}

/**
 * REQUIRETLS, RFC 8689: the mail goes on only under TLS, to hosts that are who they should be and will do the same; and
 * `TLS-Required: No`, which says that it shall rather arrive than be safe. Reports, which have no sender to be told, go
 * on without where they must.
 */
export const requireTls = (
  { 'unproved-mx': unproved }: RequireTlsSettings = { 'unproved-mx': 'accept' },
): Extension => {
  /** What keeps the mail from a hop, be it on offer there or not (section 4.2.1). */
  const lacking = ({ name, channel, assurance, proofs }: Hop): Reply | undefined => {
    if (!channel.secured) return reply(550, '5.7.10', `The message requires TLS, which is not to be had with ${name}`)
    if (assurance !== 'verified')
      return reply(550, '5.7.10', `The message requires TLS, and the certificate of ${name} does not prove its name`)
    return proofs.host === 'unproved' && unproved === 'refuse'
      ? reply(550, '5.7.10', `The message requires TLS, and nobody vouches for the MX record that names ${name}`)
      : undefined
  }
  const remedies = ({ envelope }: OutboundMail, hop: Hop, otherwise?: Reply): readonly Remedy[] => {
    // Handing mail to a store is delivering it.
    if (!isRequired(envelope.params) || envelope.sender === null || hop.isStore) return []
    const why = lacking(hop) ?? otherwise
    // Under the empty path the hop would take it for a report, which may go on in clear.
    return why ? [{ do: 'refuse', reply: why, next: 'otherHost' }] : [{ do: 'keepSenders' }]
  }
  return {
    keyword: 'REQUIRETLS',
    rfc: [8689],
    words: {
      relay: 'only under TLS to a proven host that has it (5.7.30, 5.7.10); reports go without',
      offered: 'under TLS',
    },
    params: { MAIL: [REQUIRETLS, TLS_REQUIRED] },
    server: {
      offer: ({ channel }) => (channel.secured ? [] : undefined),
    },
    client: {
      with: (mail, hop) => remedies(mail, hop),
      without: (mail, hop) =>
        remedies(mail, hop, reply(550, '5.7.30', `REQUIRETLS support required, and ${hop.name} has none`)),
      adds: ({ envelope }, hop): ParamBag =>
        isRequired(envelope.params) && lacking(hop) === undefined ? { REQUIRETLS: true } : {},
      lenient: ({ envelope }) => isOptional(envelope.params),
    },
    queue: {
      fromHeader: (envelope, header) =>
        saysNo(header) && !isRequired(envelope.params)
          ? { ...envelope, params: { ...envelope.params, 'TLS-REQUIRED': 'NO' } }
          : envelope,
    },
    report: {
      // Whatever RET says (section 5).
      returns: ({ params }) => (isRequired(params) ? 'headers' : undefined),
      envelope: ({ params }) => (isRequired(params) ? { REQUIRETLS: true } : undefined),
      headerFields: ({ params }) => (isOptional(params) ? [[FIELD, 'No']] : []),
    },
  }
}
