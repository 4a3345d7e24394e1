import type { Filter } from '../../mail/features/filter.ts'
import type { ContentForm } from './form.ts'

/** Makes content of one form out of another: text in another charset, an image in another format. */
export interface ContentConverter {
  /** For people. */
  readonly name: string
  /**
   * Forms it can give this content, the best first; none: it is not its business. `wanted` is what the recipient takes and
   * what the originator permits; what does not satisfy it is passed over afterwards, so it need not be looked at.
   */
  targets(from: ContentForm, wanted: readonly Filter[]): readonly ContentForm[]
  /** Called for each attempt; of one content there may be several. */
  open(from: ContentForm, to: ContentForm): PartConverter
}

/**
 * One body part under way, free of its transfer encoding on both sides. Reads in pieces of any size and bounds what it
 * keeps. Throws `CannotConvert` where this content cannot have that form without loss.
 */
export interface PartConverter {
  /** The chunk may not be kept. */
  write(octets: Uint8Array): Uint8Array | Promise<Uint8Array>
  end(): Uint8Array | Promise<Uint8Array>
  /** Whatever became of it, nothing more is asked of it. */
  close?(): void | Promise<void>
}

/** This content cannot have that form; another may do. */
export class CannotConvert extends Error {
  override readonly name = 'CannotConvert'
}
