import type { Instant } from '../mail/instant.ts'
import type { HistoryEvent, MessageId } from './spool.ts'

interface Past {
  readonly at: Instant
  readonly text: string
  readonly fork: MessageId | undefined
}

/** What happened to messages, those that are gone included. */
export class MemoryHistory {
  readonly #past = new Map<MessageId, Past[]>()

  /** `fork`: a message in whose history this one's goes on. */
  add(id: MessageId, at: Instant, lines: readonly string[], fork?: MessageId): void {
    if (lines.length === 0) return
    const past = this.#past.get(id) ?? []
    for (const text of lines) past.push({ at, text, fork })
    this.#past.set(id, past)
  }

  trace(id: MessageId): readonly HistoryEvent[] {
    const follow = (of: MessageId): (Past & { readonly of: MessageId })[] =>
      (this.#past.get(of) ?? []).flatMap((past) => [
        { ...past, of },
        ...(past.fork === undefined ? [] : follow(past.fork)),
      ])
    return follow(id)
      .sort((a, b) => a.at - b.at || (a.of < b.of ? -1 : Number(a.of > b.of)))
      .map(({ of, at, text }) => ({ at, text: of === id ? text : `${of}: ${text}` }))
  }

  forgetBefore(at: Instant): void {
    for (const [id, past] of this.#past) {
      const young = past.filter((event) => event.at >= at)
      if (young.length > 0) this.#past.set(id, young)
      else this.#past.delete(id)
    }
  }
}
