import { type Reply, reply } from '../mail/reply.ts'
import type { Clock } from '../observe/clock.ts'
import type { ServerLimits } from './limits.ts'

/** How a client has behaved on one connection, whatever sessions that has: what it has used up, and whether it may go on. */
export class Conduct {
  readonly #limits: ServerLimits
  readonly #clock: Clock
  readonly #begun: number
  #errors = 0
  #junk = 0
  #putOff = 0
  #drained = 0
  #outOfStep = false

  constructor(limits: ServerLimits, clock: Clock) {
    this.#limits = limits
    this.#clock = clock
    this.#begun = clock.now()
  }

  failed(): void {
    this.#errors++
  }

  /** A command was answered, and no mail came further by it. */
  idled(): void {
    this.#junk++
  }

  /** A recipient was refused for now, which its sender may have any number of (RFC 5321 4.5.3.1.10), within reason. */
  putOff(): void {
    this.#putOff++
  }

  /** A message was accepted, and what was before is forgiven. */
  accepted(): void {
    this.#errors = 0
    this.#junk = 0
    this.#putOff = 0
    this.#drained = 0
  }

  /** Whether so many more octets that nobody wants may be read. If not, it is out of step from now on. */
  mayDrain(octets: number): boolean {
    if (this.#drained + octets > this.#limits.drain) this.#outOfStep = true
    return !this.#outOfStep
  }

  drained(octets: number): void {
    this.#drained += octets
  }

  /** What comes next on the connection cannot be told from commands. */
  lostStep(): void {
    this.#outOfStep = true
  }

  /** Why the connection has to end now; undefined: it may go on. */
  verdict(inTransaction: boolean): Reply | undefined {
    if (this.#outOfStep) return OUT_OF_STEP
    if (this.#errors > this.#limits.errors) return TOO_MANY_ERRORS
    if (this.#junk > this.#limits.junk) return TOO_MUCH_JUNK
    if (this.#putOff > PUT_OFF * Math.max(this.#limits.recipients, FEW)) return TOO_MUCH_JUNK
    const over = this.#clock.now() - this.#begun - this.#limits.session
    return over > (inTransaction ? FOR_THE_MESSAGE : 0) ? TOO_OLD : undefined
  }
}

/** Recipients put off, for each that a transaction may have; RFC 5321 4.5.3.1.8 has 100 of these at least. */
const PUT_OFF = 10
const FEW = 100

/** Milliseconds that a session whose time is up is given for the message that it is about. */
const FOR_THE_MESSAGE = 3_600_000

const OUT_OF_STEP = reply(421, '4.5.0', 'Out of step; goodbye')
const TOO_MANY_ERRORS = reply(421, '4.7.0', 'Too many errors; goodbye')
const TOO_MUCH_JUNK = reply(421, '4.7.0', 'Too many commands that bring no mail; goodbye')
const TOO_OLD = reply(421, '4.4.2', 'This session has lasted long enough; connect anew')
