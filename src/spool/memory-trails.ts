import type { Instant } from '../mail/instant.ts'
import type { Trail } from '../mail/trail.ts'
import { type Kept, type KeptRecipient, shown } from './memory-store.ts'
import type { MessageId, SpooledRecipient } from './spool.ts'
import { MESSAGES_TOLD, RECIPIENTS_TOLD, type Trailed, type Trails } from './trails.ts'

interface Followed {
  readonly id: MessageId
  trail: Trail
  accepted: Instant
  /** Those that are no longer with the message. */
  readonly left: Map<number, SpooledRecipient>
}

/** What a memory spool tells of mail that is followed. */
export class MemoryTrails implements Trails {
  readonly #followed = new Map<MessageId, Followed>()
  readonly #message: (id: MessageId) => Kept | undefined

  /** `message`: those that are not gone. Throws once the spool is closed. */
  constructor(message: (id: MessageId) => Kept | undefined) {
    this.#message = message
  }

  begin(id: MessageId, trail: Trail, accepted: Instant): void {
    this.#followed.set(id, { id, trail, accepted, left: new Map() })
  }

  /** These recipients are about to leave their message. */
  leave(id: MessageId, recipients: Iterable<KeptRecipient>): void {
    const left = this.#followed.get(id)?.left
    if (left) for (const one of recipients) left.set(one.key, shown(one))
  }

  /** The message was accepted by a clock that was `ms` fast. */
  earlier(id: MessageId, ms: number): void {
    const one = this.#followed.get(id)
    if (!one) return
    one.accepted -= ms
    one.trail = { ...one.trail, until: one.trail.until - ms }
  }

  async find(name: string, proof: string, now: Instant): Promise<readonly Trailed[]> {
    const found = [...this.#followed.values()]
      .filter(({ trail }) => trail.name === name && trail.proof === proof)
      .flatMap(({ id, trail, accepted, left }): Trailed[] => {
        const message = this.#message(id)
        if (!message && trail.until <= now) return []
        const recipients = [...left.values(), ...[...(message?.recipients.values() ?? [])].map(shown)].sort(
          (a, b) => a.key - b.key,
        )
        return [{ id, proof, accepted, recipients, ...(message ? { schedule: message.schedule } : {}) }]
      })
      .sort((a, b) => (a.id < b.id ? -1 : 1))
      .slice(0, MESSAGES_TOLD)
    let left = RECIPIENTS_TOLD
    return found.flatMap((one): Trailed[] => {
      const recipients = one.recipients.slice(0, left)
      left -= recipients.length
      return recipients.length === 0 ? [] : [{ ...one, recipients }]
    })
  }

  forgetExpired(now: Instant): void {
    for (const [id, { trail }] of this.#followed) {
      if (trail.until <= now && !this.#message(id)) this.#followed.delete(id)
    }
  }
}
