import type { BodyFacts } from '../../mail/facts.ts'
import { MimeReader } from '../reader.ts'
import { codeOf } from './codes.ts'
import { Planner } from './planner.ts'
import { type ConversionRules, type Inconvertible, type PartFate, Unconvertible } from './rules.ts'
import { type Scratch, type Tape, TapeWriter } from './tape.ts'
import { windows } from './windows.ts'

/** What is to be done with a message, as `planConversion` found out. Worth as much as the scratch it was made with. */
export interface ConversionPlan {
  /** False: it can go as it is. */
  readonly changes: boolean
  /** Of the result, exactly. */
  readonly facts: BodyFacts
  /** Domains (`d=`) of DKIM signatures that a change breaks. */
  readonly broken: readonly string[]
  /** Header fields are encoded, not only folded. */
  readonly headers: boolean
  /** Something signed or encrypted is changed: what it holds is no longer what was signed. */
  readonly unsealed: boolean
  /** Headers that were read: the message's own, those of multiparts, body parts and enclosed messages. */
  readonly parts: number
  readonly rules: ConversionRules
  /** A decision for each part, for `converted` to read. */
  readonly tape: Tape
}

export interface PlanOptions {
  /** Where decisions go that are too many for memory; without it, 16 million of them are the most there may be. */
  readonly scratch?: Scratch
  /** How many decisions are kept in memory, an octet each, where there is scratch for more. Default: 1,048,576. */
  readonly inMemory?: number
  /** Told of each part when it is decided, the outer ones first. */
  readonly onPart?: (part: PartFate) => void
}

const IN_MEMORY = 1_048_576
const WITHOUT_SCRATCH = 16 * IN_MEMORY

/**
 * The first pass over a message: what has to be done to make it fit, or why that cannot be. Memory does not grow with
 * the message.
 */
export const planConversion = async (
  content: AsyncIterable<Uint8Array>,
  rules: ConversionRules,
  options: PlanOptions = {},
): Promise<ConversionPlan | Inconvertible> => {
  const { scratch, inMemory = IN_MEMORY } = options
  const tape = new TapeWriter(scratch ? inMemory : WITHOUT_SCRATCH, scratch)
  const planner = new Planner(rules, (decision) => tape.push(codeOf(decision)), options.onPart)
  const reader = new MimeReader(planner)
  try {
    for await (const octets of windows(content)) {
      planner.summary.before.write(octets)
      reader.write(octets)
      if (tape.full && !(await tape.spill())) throw new Unconvertible('5.6.3', 'The message has too many parts')
    }
    planner.ends()
    reader.end()
  } catch (error) {
    if (!(error instanceof Unconvertible)) throw error
    planner.refused(error.why)
    return { status: error.status, why: error.why }
  }
  const { summary } = planner
  return {
    changes: summary.changes,
    facts: summary.facts(),
    broken: summary.broken(),
    headers: summary.headers,
    unsealed: summary.unsealed,
    parts: summary.parts,
    rules,
    tape: tape.finish(),
  }
}
