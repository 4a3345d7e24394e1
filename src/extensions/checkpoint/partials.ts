import type { Completion } from '../../smtp/extension.ts'

/** Where a server keeps what has come of messages, by name, as the spool does. */
export interface KeptPartials {
  /** Takes what is kept by this name over; undefined: nothing is. */
  find(name: string, now: number, mostOfAll: number): Promise<FoundPartial | undefined>
  /** Rejects when there is no room. */
  begin(name: string, about: AboutKept): Promise<KeptPartial>
  /** What became of one that was completed is not known any more. */
  forget(name: string): Promise<void>
}

type FoundPartial =
  | { readonly is: 'partial'; readonly partial: KeptPartial }
  | { readonly is: 'complete'; readonly id: string; readonly octets: number; readonly note: string }

interface AboutKept {
  readonly note: string
  readonly expires: number
  readonly owner: string
  readonly most: number
  readonly mostOfAll: number
  readonly mostPartials: number
}

export interface KeptPartial extends NonNullable<Completion['partial']> {
  readonly note: string
  /** Octets that are durable. */
  readonly offset: number
  write(chunk: Uint8Array): Promise<void> | void
  sync(): Promise<number>
  body(): AsyncIterable<Uint8Array>
  drop(): Promise<void>
  close(): Promise<void>
}

export interface CheckpointLimits {
  /** Milliseconds from its beginning that a message which broke off is kept, or that it is known what became of it. */
  readonly keep: number
  /** Octets after which what has come is made durable. */
  readonly every: number
  /** Messages of one client, and octets of theirs. */
  readonly mostPartials: number
  readonly most: number
  /** Octets of all. */
  readonly mostOfAll: number
}
