import type { BodyFacts } from '../../src/mail/facts.ts'
import { converted } from '../../src/mime/convert/converted.ts'
import { type ConversionPlan, planConversion } from '../../src/mime/convert/plan.ts'
import type { ConversionRules } from '../../src/mime/convert/rules.ts'
import { inspector } from '../../src/mime/inspect.ts'

async function* cut(octets: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < octets.length; from += size) yield octets.subarray(from, from + size)
}

export interface Conversion {
  readonly plan: ConversionPlan
  readonly octets: Buffer
}

/** The message arrives in pieces of so many octets. A string is the reason for refusing it, `5.6.3 why`. */
export const convert = async (octets: Buffer, rules: ConversionRules, size: number): Promise<Conversion | string> => {
  const plan = await planConversion(cut(octets, size), rules)
  if ('status' in plan) return `${plan.status} ${plan.why}`
  const pieces: Uint8Array[] = []
  for await (const piece of converted(cut(octets, size), plan)) pieces.push(piece)
  return { plan, octets: Buffer.concat(pieces) }
}

/** As found out by who knows nothing of conversions. */
export const factsOf = (octets: Buffer): BodyFacts => {
  const one = inspector({ maxHeader: 100_000 })
  one.write(octets)
  return one.end().facts
}

/** What may not be in mail for a hop that takes seven bits; undefined when all is well. */
export const faultFor7bit = (octets: Buffer): string | undefined => {
  const text = octets.toString('latin1')
  if (/[^\x01-\x7f]/.test(text)) return 'octets that are not 1 to 127'
  if (/\r(?!\n)|(?<!\r)\n/.test(text)) return 'a CR or LF alone'
  return text.split('\r\n').some((line) => line.length > 998) ? 'a line of more than 998 octets' : undefined
}
