import type { Instant } from '../mail/instant.ts'
import type { MessageId } from './spool.ts'

export type { Completion } from '../smtp/extension.ts'

/**
 * Messages that broke off on their way in, by name, so that the next connection goes on where the last one ended (RFC
 * 1845). Names are the caller's: who may find a partial is decided by what is in its name. Rejects with `SpoolError`.
 */
export interface Partials {
  /**
   * What is kept by this name; undefined when nothing is, or it has expired. A partial is the caller's from here on:
   * whoever had it open, in this process or another, has lost it, so that a dead connection keeps nobody out. `mostOfAll`
   * is that of `AboutPartial`.
   */
  find(name: string, now: Instant, mostOfAll?: number): Promise<Found | undefined>
  /** A new, empty partial, in place of whatever had its name. `full`: it has no room, and what there was is still there. */
  begin(name: string, about: AboutPartial): Promise<PartialBody>
  /** Partial or tombstone: nothing has this name any more. */
  drop(name: string): Promise<void>
  /** That a partial of this name was completed is not known any more. One that is under way is left alone. */
  forget(name: string): Promise<void>
}

export type Found =
  | { readonly is: 'partial'; readonly partial: PartialBody }
  /** All `octets` came, and became this message, which may be gone by now. */
  | { readonly is: 'complete'; readonly id: MessageId; readonly octets: number; readonly note: string }

export interface AboutPartial {
  /** Given back as it was: the envelope, say. */
  readonly note: string
  /** When it goes, complete or not, open or not. */
  readonly expires: Instant
  /** Whose room it takes: an identity, an address. */
  readonly owner: string
  /** Octets that all partials of this owner may take. Each takes its own, its note's, and `PER_OPENING` at least. */
  readonly most: number
  /** Octets that all partials of all owners may take. */
  readonly mostOfAll?: number
  /** Partials that this owner may have, those that became messages not counted. */
  readonly mostPartials?: number
}

/** What each opening of a partial takes besides its octets, for it is a file: no number of tiny ones is free. */
export const PER_OPENING = 4096

/**
 * A partial, open to be gone on with. Who lost it, because someone else found, replaced or dropped it, is told with
 * `LeaseLost` by the next sync that has something to store, by `complete` and by a commit.
 */
export interface PartialBody {
  readonly name: string
  readonly note: string
  /** Octets that are durable, from the first one on; grows by `sync` alone. */
  readonly offset: number
  /** Resolves when more may be written. Throws `SpoolError`, `full`, when the owner has no room for the chunk; none is taken. */
  write(chunk: Uint8Array): Promise<void> | void
  /** Makes what was written durable, and tells the new offset. */
  sync(): Promise<number>
  /** What is durable, from the start. */
  body(): AsyncIterable<Uint8Array>
  /**
   * The octets go, and until `until` it is known that they became this message. `octets`: how many there were, all that
   * were written when absent. A crash between a commit and this lets the message come twice; `MessageRecord.completes`
   * does both in one.
   */
  complete(id: MessageId, until: Instant, octets?: number): Promise<void>
  /** Nothing of it is left. What someone else has meanwhile is left alone. */
  drop(): Promise<void>
  /** Lets the file go and takes no more. What was synced is still found by its name. Never rejects. */
  close(): Promise<void>
}
