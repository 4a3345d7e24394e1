import type { Instant } from '../mail/instant.ts'
import { dueOf, type Kept, type KeptRecipient, priorityOf, shown, spooled } from './memory-store.ts'
import { type Claim, type ClaimRequest, type Lane, LeaseLost } from './spool.ts'

/** A claim as the memory spool holds it. */
export interface Lease {
  readonly owner: string
  readonly message: Kept
  readonly recipients: readonly KeptRecipient[]
  until: Instant
}

interface Group {
  readonly message: Kept
  readonly lane: Lane
  readonly recipients: readonly KeptRecipient[]
}

/** Who has claimed what, until when. */
export class MemoryLeases {
  readonly #leases = new Map<string, Lease>()
  #tokens = 0

  claim(messages: Iterable<Kept>, by: ClaimRequest): readonly Claim[] {
    const perLane = new Map<Lane, number>()
    const claims: Claim[] = []
    for (const group of this.#due(messages, by)) {
      const taken = perLane.get(group.lane) ?? 0
      if (group.lane !== null && taken >= by.mostPerLane) continue
      if (claims.length >= by.most) break
      perLane.set(group.lane, taken + 1)
      claims.push(this.#lease(group, by))
    }
    return claims
  }

  /** Throws `LeaseLost`. */
  of({ token, message }: Claim): Lease {
    const lease = this.#leases.get(token)
    if (!lease) throw new LeaseLost(`The claim on ${message.id} is over`)
    return lease
  }

  /** When a recipient may be claimed: as it is due, or when the lease on it has run out. */
  next(recipient: KeptRecipient): Instant {
    const lease = recipient.claim === undefined ? undefined : this.#leases.get(recipient.claim)
    return lease?.until ?? dueOf(recipient)
  }

  isClaimed({ claim }: KeptRecipient, now: Instant): boolean {
    return claim !== undefined && (this.#leases.get(claim)?.until ?? now) > now
  }

  /** Makes a claim void. */
  release(token: string | undefined): void {
    if (token === undefined) return
    for (const recipient of this.#leases.get(token)?.recipients ?? []) recipient.claim = undefined
    this.#leases.delete(token)
  }

  releaseAllOf(owner: string): void {
    for (const [token, lease] of this.#leases) if (lease.owner === owner) this.release(token)
  }

  #due(messages: Iterable<Kept>, by: ClaimRequest): readonly Group[] {
    const groups: Group[] = []
    for (const message of messages) {
      const due = [...message.recipients.values()]
        .filter((one) => this.next(one) <= by.now)
        .filter(({ lane }) => (by.only?.includes(lane) ?? true) && !(by.except?.includes(lane) ?? false))
        .sort((a, b) => this.next(a) - this.next(b) || a.key - b.key)
      for (const [lane, recipients] of Map.groupBy(due, (recipient) => recipient.lane))
        for (let at = 0; at < recipients.length; at += by.mostRecipients)
          groups.push({ message, lane, recipients: recipients.slice(at, at + by.mostRecipients) })
    }
    const first = ({ recipients: [one] }: Group) => (one === undefined ? 0 : this.next(one))
    return groups.sort((a, b) => priorityOf(b.message) - priorityOf(a.message) || first(a) - first(b))
  }

  #lease({ message, lane, recipients }: Group, by: ClaimRequest): Claim {
    const token = `${++this.#tokens}`
    for (const recipient of recipients) {
      this.release(recipient.claim)
      recipient.claim = token
    }
    this.#leases.set(token, { owner: by.owner, message, recipients, until: by.leaseUntil })
    return { token, lane, message: spooled(message), recipients: recipients.map(shown) }
  }
}
