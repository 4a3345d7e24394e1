/** What a room asks of a connection: that it can be dropped. */
export interface Guest {
  destroy(): unknown
}

/** How a guest uses its place. */
export interface Place {
  /** It is the guest's turn: with its next request, or with the rest of one, or to take our answer. */
  waits(what: 'request' | 'rest'): void
  /** It is our turn. */
  works(): void
  leave(): void
}

/**
 * The places of a control socket. Node does not tell whose process is at the other end, so no user can be held to a share
 * of them; instead nobody keeps one by doing nothing: when all are taken, whoever has kept us waiting longest makes room,
 * first of all a guest that has asked for nothing.
 */
export class Room {
  readonly #most: number
  readonly #guests: Set<Guest> = new Set()
  /** Those we wait for, longest first. */
  readonly #waiting: Readonly<Record<'request' | 'rest', Set<Guest>>> = { request: new Set(), rest: new Set() }

  constructor(most: number) {
    this.#most = most
  }

  /** Undefined: every place is taken, and each for something that we are doing. */
  enter(guest: Guest): Place | undefined {
    if (this.#guests.size >= this.#most) {
      const [longest] = [...this.#waiting.request, ...this.#waiting.rest]
      if (longest === undefined) return undefined
      this.#leave(longest)
      longest.destroy()
    }
    this.#guests.add(guest)
    return {
      waits: (what) => {
        this.#forget(guest)
        if (this.#guests.has(guest)) this.#waiting[what].add(guest)
      },
      works: () => this.#forget(guest),
      leave: () => this.#leave(guest),
    }
  }

  #leave(guest: Guest): void {
    this.#guests.delete(guest)
    this.#forget(guest)
  }

  #forget(guest: Guest): void {
    this.#waiting.request.delete(guest)
    this.#waiting.rest.delete(guest)
  }
}
