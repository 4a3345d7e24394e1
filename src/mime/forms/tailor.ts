import type { BodyFacts } from '../../mail/facts.ts'
import type { Filter } from '../../mail/features/filter.ts'
import type { Questions } from '../../mail/features/match-filter.ts'
import { Chunks } from '../convert/chunks.ts'
import { Signatures } from '../convert/dkim.ts'
import type { Scratch } from '../convert/tape.ts'
import { unfold } from '../fields.ts'
import { inspector } from '../inspect.ts'
import type { ContentConverter } from './content-converter.ts'
import { Impossible } from './decisions.ts'
import { mimeEvents } from './events.ts'
import { type Converting, rewritten } from './rewrite.ts'
import { survey } from './survey.ts'

export interface TailorOptions extends Converting {
  /** In the order in which they are asked. */
  readonly converters: readonly ContentConverter[]
  /** Where the result is kept; it is worth as much as that. */
  readonly scratch: Scratch
  /** Shared by all that is made of one message; what they leave open counts as what does not fit. */
  readonly questions?: Questions
}

/** Content for a recipient. */
export type Tailored =
  /** The recipient takes it as it is. */
  | { readonly is: 'asIs' }
  | {
      readonly is: 'converted'
      /** Exact. */
      readonly facts: BodyFacts
      /** Domains whose signatures of the message are broken (DKIM). */
      readonly broken: readonly string[]
      /** Replayable. */
      content(): AsyncIterable<Uint8Array>
    }
  | { readonly is: 'impossible'; readonly why: string }

/**
 * Content in a form that a recipient takes, made part by part of what came, as far as originators permit it in
 * Content-Convert (RFC 4141). Memory does not grow with the message; the result is kept in the scratch, so that converters
 * work once and its size is known. All parts are made fit, or none is touched.
 */
export const tailor = async (
  content: () => AsyncIterable<Uint8Array>,
  capabilities: Filter,
  options: TailorOptions,
): Promise<Tailored> => {
  try {
    const decisions = await survey(content, capabilities, options.converters, options.questions)
    if (decisions.size === 0) return { is: 'asIs' }
    const facts = await keep(rewritten(content(), decisions, options), options.scratch)
    const broken = await signers(content())
    return { is: 'converted', facts, broken, content: () => kept(options.scratch, facts.octets) }
  } catch (error) {
    if (!(error instanceof Impossible)) throw error
    return { is: 'impossible', why: error.message }
  }
}

const WINDOW = 65_536

const keep = async (pieces: AsyncIterable<Uint8Array>, scratch: Scratch): Promise<BodyFacts> => {
  const inspect = inspector({ maxHeader: WINDOW })
  const chunks = new Chunks()
  let octets = 0
  const write = async (whole: readonly Uint8Array[]) => {
    for (const chunk of whole) {
      await scratch.write(chunk, octets)
      octets += chunk.length
    }
  }
  for await (const piece of pieces) {
    inspect.write(piece)
    chunks.add(piece)
    await write(chunks.whole())
  }
  await write(chunks.rest())
  return inspect.end().facts
}

async function* kept(scratch: Scratch, octets: number): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < octets; at += WINDOW) yield await scratch.read(at, Math.min(WINDOW, octets - at))
}

/** Whose signatures a changed body breaks. */
const signers = async (content: AsyncIterable<Uint8Array>): Promise<readonly string[]> => {
  const signatures = new Signatures()
  signatures.bodyChanges()
  for await (const event of mimeEvents(content)) {
    if (event.is === 'head') break
    if (event.is !== 'field' || event.name === undefined) continue
    const text = event.raw.toString('latin1')
    signatures.field(event.name, unfold(text.slice(text.indexOf(':') + 1)), false)
  }
  return signatures.broken()
}
