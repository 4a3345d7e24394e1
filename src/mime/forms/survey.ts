import type { Filter } from '../../mail/features/filter.ts'
import { Questions } from '../../mail/features/match-filter.ts'
import { type OctetScan, octetScan } from '../octet-scan.ts'
import { type Encoder, eachPiece } from '../transfer-encoding.ts'
import { CannotConvert, type ContentConverter, type PartConverter } from './content-converter.ts'
import { type Decision, decide, decoderFor, Impossible, impossible } from './decisions.ts'
import { mimeEvents } from './events.ts'
import { OpenStack } from './open-part.ts'

/** Parts of a message that are converted at most. */
const MOST_PARTS = 1000

/**
 * Finds out, by trying, what each part that has to become something else becomes; in as many passes as the worst of them
 * has candidates. By the number of parts that began before it. Throws `Impossible`.
 */
export const survey = async (
  content: () => AsyncIterable<Uint8Array>,
  capabilities: Filter,
  converters: readonly ContentConverter[],
  questions: Questions = new Questions(),
): Promise<ReadonlyMap<number, Decision>> => {
  const decisions = new Map<number, Decision>()
  for (let pass = 0; pass === 0 || [...decisions.values()].some(({ facts }) => facts === undefined); pass++) {
    await onePass(content(), decisions, (part) =>
      pass === 0 ? decide(part, capabilities, converters, questions) : undefined,
    )
  }
  return decisions
}

const onePass = async (
  content: AsyncIterable<Uint8Array>,
  decisions: Map<number, Decision>,
  first: (part: Parameters<typeof decide>[0]) => Decision | undefined,
): Promise<void> => {
  const stack = new OpenStack()
  let trial: Trial | undefined
  try {
    for await (const event of mimeEvents(content)) {
      const part = stack.take(event)
      if (event.is === 'head' && event.head.kind === 'leaf' && event.raw.length > 0) {
        const decision = first(part) ?? decisions.get(part.index)
        if (decision === undefined || decision.facts !== undefined) continue
        if (decisions.set(part.index, decision).size > MOST_PARTS)
          throw new Impossible('Too many parts would be converted')
        trial = new Trial(decision)
      } else if (event.is === 'body') await trial?.write(event.octets)
      else if (event.is === 'end' && trial !== undefined) {
        await trial.end()
        trial = undefined
      }
    }
  } finally {
    await trial?.close()
  }
}

/** One candidate for one part, tried out. */
class Trial {
  readonly #decision: Decision
  readonly #scan: OctetScan = octetScan()
  #conversion: Conversion | undefined

  constructor(decision: Decision) {
    this.#decision = decision
    this.#conversion = this.#attempt(() => new Conversion(decision))
  }

  async write(octets: Uint8Array): Promise<void> {
    await this.#go((conversion) => conversion.write(octets))
  }

  async end(): Promise<void> {
    await this.#go((conversion) => conversion.end())
    if (this.#conversion !== undefined) this.#decision.facts = this.#scan.end()
    await this.close()
  }

  async #go(step: (conversion: Conversion) => AsyncIterable<Uint8Array>): Promise<void> {
    const conversion = this.#conversion
    if (conversion === undefined) return
    try {
      for await (const octets of step(conversion)) this.#scan.write(octets)
    } catch (error) {
      await this.close()
      this.#failed(error)
    }
  }

  #attempt<T>(what: () => T): T | undefined {
    try {
      return what()
    } catch (error) {
      this.#failed(error)
      return undefined
    }
  }

  #failed(error: unknown): void {
    if (!(error instanceof CannotConvert)) throw error
    const decision = this.#decision
    decision.candidates = decision.candidates.slice(1)
    decision.why = error.message
    if (decision.candidates.length === 0) throw impossible(decision.from, error.message)
  }

  async close(): Promise<void> {
    const conversion = this.#conversion
    this.#conversion = undefined
    await conversion?.close()
  }
}

/** From a part's octets as they came to those of its new form, without any transfer encoding. */
export class Conversion {
  readonly #decoder: Encoder
  readonly #converter: PartConverter

  /** By its first candidate. */
  constructor({ from, label, candidates: [candidate] }: Decision) {
    const decoder = decoderFor(label)
    if (candidate === undefined || decoder === undefined) throw new CannotConvert('There is no way')
    this.#decoder = decoder
    this.#converter = candidate.converter.open(from, candidate.to)
  }

  async *write(octets: Uint8Array): AsyncGenerator<Uint8Array, void> {
    for (const piece of this.#decoded(octets)) yield await this.#converter.write(piece)
  }

  async *end(): AsyncGenerator<Uint8Array, void> {
    for (const piece of this.#decoded(undefined)) yield await this.#converter.write(piece)
    yield await this.#converter.end()
  }

  async close(): Promise<void> {
    await this.#converter.close?.()
  }

  #decoded(octets: Uint8Array | undefined): Uint8Array[] {
    const pieces: Uint8Array[] = []
    eachPiece(this.#decoder, octets, (piece) => pieces.push(Uint8Array.from(piece)))
    return pieces
  }
}
