import type { BodyFacts } from '../mail/facts.ts'
import { type Reply, reply } from '../mail/reply.ts'
import type { ConversionTarget, Hop, Remedy } from './extension.ts'
import { versionOf } from './relay-edits.ts'
import { type Conversion, type Convert, lineLimit, type RelayMail, type Scope } from './relay-mail.ts'

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

/** Mail that is older than the facts of its header has one nonetheless. */
const hasRawHeader = (facts: BodyFacts): boolean => facts.rawHeaders !== undefined || facts.eightBitHeader

const satisfies = (facts: BodyFacts, into: Into): boolean =>
  RANK[facts.encoding] <= RANK[into.encoding ?? 'binary'] &&
  !(facts.bareNewline && into.encoding !== undefined && into.encoding !== 'binary') &&
  facts.longestLine <= (into.maxLine ?? Number.POSITIVE_INFINITY) &&
  !(into.header === 'ascii' && hasRawHeader(facts))

/** Binary bodies are counted ones; the hop may have any octets then, in lines of any length. */
const takesBinary = (hop: Hop): boolean => hop.encodings.has('binary') && hop.sendBody !== undefined

/** Where nobody can mend longer lines they are tried, unless the hop said what it takes. */
const mostOfLine = (hop: Hop, mended: boolean): number =>
  mended && !takesBinary(hop) ? lineLimit(hop) : (hop.limits.get('line') ?? Number.POSITIVE_INFINITY)

/** What the hop does not take of such a body, whatever extensions say. */
const demanded = (facts: BodyFacts, hop: Hop, mended: boolean): Into => {
  const most = mostOfLine(hop, mended)
  const best = takesBinary(hop) ? 'binary' : hop.encodings.has('8bit') ? '8bit' : '7bit'
  const fits = RANK[facts.encoding] <= RANK[best] && (best === 'binary' || !facts.bareNewline)
  // Where 8-bit octets may not be, a header has none either. UTF-8 in one is told apart from other octets: those are
  // nobody's text, and went through 8-bit hops at all times; it is what an extension of its own is for.
  const ascii = best === '7bit' ? hasRawHeader(facts) : facts.rawHeaders?.utf8 && !hop.takesUtf8Headers
  return {
    ...(fits ? {} : { encoding: best }),
    ...(facts.longestLine <= most ? {} : { maxLine: most }),
    ...(ascii ? { header: 'ascii' } : {}),
  }
}

/** Why a body cannot go to the hop as it is; undefined when it can. Permanent, but another host may take it. */
export const unfit = (facts: BodyFacts, hop: Hop, converted = false): Reply | undefined => {
  const lacks = demanded(facts, hop, false)
  if (facts.bareNewline && lacks.encoding) {
    return reply(554, '5.6.0', `A bare CR or LF in the message; ${hop.name} takes it line by line only`)
  }
  if (lacks.encoding) {
    return reply(554, '5.6.3', `${hop.name} does not take ${facts.encoding} mail, and this cannot be converted`)
  }
  if (lacks.maxLine) {
    const longest = `a line of ${facts.longestLine} octets`
    return reply(554, '5.6.3', `${hop.name} takes lines of ${lacks.maxLine} octets, and ${longest} cannot be converted`)
  }
  if (lacks.header) {
    return reply(554, '5.6.9', `${hop.name} does not take header fields beyond ASCII, and these cannot be converted`)
  }
  const limit = hop.limits.get('octets')
  if (limit !== undefined && facts.octets > limit) {
    const when = converted ? ' once it is converted' : ''
    return reply(552, '5.3.4', `${hop.name} takes at most ${limit} octets, and the message has ${facts.octets}${when}`)
  }
  return undefined
}

/** Mail as it fits a hop. */
export interface Fit {
  readonly mail: RelayMail
  /** What was done to make it so. */
  readonly conversion?: Conversion
}

/**
 * The mail converted until neither the hop nor an extension it lacks asks for more; each conversion starts from the
 * original. A Reply: why it cannot be converted.
 */
export const makeFit = async (
  mail: RelayMail,
  remedies: (mail: RelayMail) => readonly Remedy[],
  { hop, convert, scope }: { readonly hop: Hop; readonly convert?: Convert; readonly scope: Scope },
): Promise<Fit | Reply> => {
  let target: Into = {}
  let fit: Fit = { mail }
  for (;;) {
    const asked = remedies(fit.mail).flatMap((remedy) => (remedy.do === 'convert' ? [remedy.into] : []))
    const next = [demanded(fit.mail.facts, hop, convert !== undefined), ...asked].reduce(tighten, target)
    if (satisfies(mail.facts, next)) return { mail }
    if (JSON.stringify(next) === JSON.stringify(target)) return fit
    target = next
    if (convert === undefined) {
      return (
        unfit(mail.facts, hop) ??
        reply(554, '5.6.3', `${hop.name} cannot take the message as it is, and it cannot be converted`)
      )
    }
    const to = whole(target, mail.facts, hop)
    const converted = await convert(to, mail, scope)
    if ('code' in converted) return withHop(converted, hop)
    const { facts, content: _, ...done } = converted
    const version = versionOf(mail, 'converted', JSON.stringify(to))
    fit = {
      mail: { ...mail, version, facts, content: () => converted.content() },
      conversion: { of: mail.facts, to, ...done },
    }
  }
}

/** The converter knows the mail; whoever is told wants to know for whose sake it should have been converted, too. */
const withHop = ({ code, status, lines }: Reply, hop: Hop): Reply =>
  reply(
    code,
    status,
    `${hop.name} does not take the message as it is, and it cannot be converted${code < 500 ? ' now' : ''}: ${lines.join(' ')}`,
  )

const whole = (into: Into, facts: BodyFacts, hop: Hop): ConversionTarget => {
  const encoding = into.encoding ?? facts.encoding
  return {
    encoding,
    maxLine: into.maxLine ?? mostOfLine(hop, true),
    header: encoding === '7bit' ? 'ascii' : (into.header ?? 'raw'),
  }
}
