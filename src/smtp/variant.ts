import type { BodyFacts } from '../mail/facts.ts'
import type { Reply } from '../mail/reply.ts'
import type { OutboundMail, OutboundRecipient } from './extension.ts'

/** Mail whose content can be read. */
export interface Sendable extends OutboundMail {
  readonly recipients: readonly OutboundRecipient[]
  /** Replayable. */
  content(): AsyncIterable<Uint8Array>
  /** What is deferred happens when nobody reads the mail, or a variant of it, any more. */
  defer(act: () => Promise<void>): void
}

/** What some recipients at a hop are sent in place of the content as it was accepted, or why they are sent nothing. */
export interface Variant {
  /** Their keys. */
  readonly of: readonly number[]
  /** Absent: the content as it is. */
  readonly body?: VariantBody
  readonly refuse?: { readonly reply: Reply; readonly next: 'otherHost' | 'later' | 'never' }
}

export interface VariantBody {
  /** Two variants of a mail with one name have the same content. */
  readonly name: string
  /** Exact. */
  readonly facts: BodyFacts
  /** Domains whose signatures of the message are broken (DKIM). */
  readonly broken: readonly string[]
  /** Replayable. */
  content(): AsyncIterable<Uint8Array>
}
