import type { Alarm, Clock } from '../observe/clock.ts'
import type { ClientConversation } from '../smtp/conversation.ts'
import type { OutboundRecipient } from '../smtp/extension.ts'

export interface ConnectionLimits {
  /** How long a connection may wait for more mail, in milliseconds. */
  readonly idle: number
  /** Connections that wait, for one destination and host. */
  readonly mostIdle: number
  /** Transactions after which a connection is closed. */
  readonly transactions: number
}

export const connectionLimits: ConnectionLimits = { idle: 10_000, mostIdle: 20, transactions: 200 }

interface Idle {
  readonly conversation: ClientConversation
  readonly alarm: Alarm
}

/** Conversations that wait for more mail, by destination and host. */
export class Connections {
  readonly #clock: Clock
  readonly #limits: ConnectionLimits
  readonly #idle: Map<string, Idle[]> = new Map()
  readonly #leaving: Set<Promise<void>> = new Set()
  #closed = false

  constructor(clock: Clock, limits: ConnectionLimits) {
    this.#clock = clock
    this.#limits = limits
  }

  /** The one that was used last and has room for one of these recipients; those found dead are dropped. It is the caller's alone. */
  take(key: string, recipients: readonly OutboundRecipient[]): ClientConversation | undefined {
    const idle = this.#idle.get(key) ?? []
    for (let at = idle.length - 1; at >= 0; at -= 1) {
      const { conversation, alarm } = idle[at] as Idle
      if (conversation.usable && !conversation.takes(recipients)) continue
      idle.splice(at, 1)
      alarm.cancel()
      if (idle.length === 0) this.#idle.delete(key)
      if (conversation.usable) return conversation
      this.#leave(conversation)
    }
    return undefined
  }

  /** Keeps a conversation for the next mail, or lets it take leave. */
  give(key: string, conversation: ClientConversation): void {
    const { idle, mostIdle, transactions } = this.#limits
    const waiting = this.#idle.get(key) ?? []
    const worn = conversation.transactions >= transactions
    if (this.#closed || worn || !conversation.usable || waiting.length >= mostIdle) {
      this.#leave(conversation)
      return
    }
    const alarm = this.#clock.after(idle, () => this.#expire(key, conversation))
    this.#idle.set(key, [...waiting, { conversation, alarm }])
  }

  #expire(key: string, conversation: ClientConversation): void {
    const left = (this.#idle.get(key) ?? []).filter((one) => one.conversation !== conversation)
    if (left.length === 0) this.#idle.delete(key)
    else this.#idle.set(key, left)
    this.#leave(conversation)
  }

  #leave(conversation: ClientConversation): void {
    const left = conversation.quit().finally(() => this.#leaving.delete(left))
    this.#leaving.add(left)
  }

  /** Idle conversations take leave now, the others when they are given back. Resolves when no leave-taking is under way. */
  async close(): Promise<void> {
    this.#closed = true
    for (const { conversation, alarm } of [...this.#idle.values()].flat()) {
      alarm.cancel()
      this.#leave(conversation)
    }
    this.#idle.clear()
    while (this.#leaving.size > 0) await Promise.all(this.#leaving)
  }
}
