import type { BodyFacts } from '../mail/facts.ts'
import { type Reply, reply } from '../mail/reply.ts'
import type { ConversionTarget, Hop, Remedy } from './extension.ts'
import { type Convert, lineLimit, type RelayMail } from './relay-mail.ts'

type Into = Partial<ConversionTarget>

const RANK = { '7bit': 0, '8bit': 1, binary: 2 } as const

const lower = <E extends BodyFacts['encoding']>(one: E | undefined, other: E | undefined): E | undefined =>
  one === undefined || (other !== undefined && RANK[other] < RANK[one]) ? other : one

/** What satisfies both. */
const tighten = (one: Into, other: Into): Into => {
  const encoding = lower(one.encoding, other.encoding)
  const header = one.header === 'ascii' ? one.header : (other.header ?? one.header)
  const maxLine = Math.min(one.maxLine ?? Number.POSITIVE_INFINITY, other.maxLine ?? Number.POSITIVE_INFINITY)
  return {
    ...(encoding === undefined ? {} : { encoding }),
    ...(header === undefined ? {} : { header }),
    ...(maxLine === Number.POSITIVE_INFINITY ? {} : { maxLine }),
  }
}

const satisfies = (facts: BodyFacts, into: Into): boolean =>
  RANK[facts.encoding] <= RANK[into.encoding ?? 'binary'] &&
  !(facts.bareNewline && into.encoding !== undefined && into.encoding !== 'binary') &&
  facts.longestLine <= (into.maxLine ?? Number.POSITIVE_INFINITY) &&
  !(into.header === 'ascii' && facts.eightBitHeader)

/** What the hop itself demands of a body, whatever extensions say. */
const demanded = (facts: BodyFacts, hop: Hop): Into => {
  const maxLine = hop.limits.get('line')
  const encoding = hop.encodings.has(facts.encoding) ? undefined : hop.encodings.has('8bit') ? '8bit' : '7bit'
  return {
    ...(facts.bareNewline && !hop.sendBody ? { encoding: '7bit' } : encoding === undefined ? {} : { encoding }),
    ...(maxLine === undefined || facts.longestLine <= maxLine ? {} : { maxLine }),
  }
}

/** Why a body cannot go to the hop as it is; undefined when it can. Permanent, but another host may take it. */
export const unfit = (facts: BodyFacts, hop: Hop): Reply | undefined => {
  if (facts.bareNewline && !hop.sendBody) {
    return reply(554, '5.6.0', `A bare CR or LF in the message; ${hop.name} takes it line by line only`)
  }
  if (!satisfies(facts, demanded(facts, hop))) {
    return reply(554, '5.6.3', `${hop.name} does not take ${facts.encoding} mail, and this cannot be converted`)
  }
  const limit = hop.limits.get('octets')
  if (limit !== undefined && facts.octets > limit) {
    return reply(552, '5.3.4', `${hop.name} takes at most ${limit} octets, and the message has ${facts.octets}`)
  }
  return undefined
}

/**
 * The mail converted until neither the hop nor an extension it lacks asks for more; each conversion starts from the
 * original. A Reply: it cannot be converted.
 */
export const makeFit = async (
  mail: RelayMail,
  hop: Hop,
  remedies: (mail: RelayMail) => readonly Remedy[],
  convert: Convert | undefined,
): Promise<RelayMail | Reply> => {
  let target: Into = {}
  let current = mail
  for (;;) {
    const asked = remedies(current).flatMap((remedy) => (remedy.do === 'convert' ? [remedy.into] : []))
    const next = [demanded(current.facts, hop), ...asked].reduce(tighten, target)
    if (satisfies(mail.facts, next)) return mail
    if (JSON.stringify(next) === JSON.stringify(target)) return current
    target = next
    const converted = await convert?.(whole(target, mail.facts, hop), mail)
    if (converted === undefined) {
      return (
        unfit(mail.facts, hop) ??
        reply(554, '5.6.3', `${hop.name} cannot take the message as it is, and it cannot be converted`)
      )
    }
    current = { ...mail, facts: converted.facts, content: () => converted.content() }
  }
}

const whole = (into: Into, facts: BodyFacts, hop: Hop): ConversionTarget => ({
  encoding: into.encoding ?? facts.encoding,
  maxLine: into.maxLine ?? lineLimit(hop),
  header: into.header ?? (facts.eightBitHeader ? 'utf8' : 'ascii'),
})
