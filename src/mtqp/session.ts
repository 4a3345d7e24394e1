import { chooseBoundary } from '../mime/compose.ts'
import type { Channel } from '../net/channel.ts'
import { answerLines } from './answer.ts'
import { type Command, readCommand } from './command.ts'
import type { TrackingContext } from './context.ts'
import { certifierOf, proves } from './secret.ts'

/** An answer (RFC 3887 2.3): its first line, and the others where it has some. */
export interface Said {
  readonly status: string
  readonly lines?: Iterable<string>
  /** What becomes of the connection once it is out. */
  readonly after?: 'end' | 'tls'
  /** To be called once it is out, or lost. */
  readonly done?: () => void
}

const said = (status: string, text: string, more: Omit<Said, 'status'> = {}): Said => ({
  ...more,
  status: `${status} ${text}`,
})

type Line = Pick<Channel, 'secured' | 'pending' | 'destroy'>

/** What one client is answered, whatever its lines come over. */
export class TrackingSession {
  readonly #context: TrackingContext
  readonly #peer: string
  #errors = 0
  #junk = 0
  #tracks = 0

  constructor(context: TrackingContext, peer: string) {
    this.#context = context
    this.#peer = peer
  }

  /** RFC 3887 section 3. STARTTLS is not listed once TLS is there. */
  greeting({ secured }: Pick<Line, 'secured'>): Said {
    const { hostname, tls, tlsRequired } = this.#context
    const text = `${hostname} tells what became of mail`
    if (!tls || secured) return said('+OK/MTQP', text)
    return said('+OK+/MTQP', text, { lines: [tlsRequired ? 'STARTTLS required' : 'STARTTLS'] })
  }

  shuttingDown(): Said {
    return said('-TEMP/admin', 'Shutting down; try again later')
  }

  unavailable(): Said {
    return said('-TEMP/unavailable', 'Nothing can be looked up just now')
  }

  /** Why the session ends here; undefined while it may go on. */
  verdict(isOver: boolean): Said | undefined {
    const { errors, junk, tracks } = this.#context.limits
    if (this.#errors >= errors) return said('-TEMP/admin', 'Too many errors; goodbye')
    if (this.#junk >= junk) return said('-TEMP/admin', 'Too much that asks for nothing; goodbye')
    if (this.#tracks >= tracks) return said('-TEMP/admin', 'Asked often enough; goodbye')
    return isOver ? said('-TEMP/admin', 'This session has lasted too long; goodbye') : undefined
  }

  /** Undefined: a line that was too long. Rejects with `SpoolError`. */
  async answer(line: string | undefined, channel: Line): Promise<Said> {
    const command: Command = line === undefined ? { is: 'bad', why: 'Line too long' } : readCommand(line)
    switch (command.is) {
      case 'bad':
        this.#errors += 1
        return said('-BAD', command.why)
      case 'comment':
        this.#junk += 1
        return said('+OK', 'So be it')
      case 'quit':
        return said('+OK', 'Goodbye', { after: 'end' })
      case 'starttls':
        return this.#startTls(command.domain, channel)
      case 'track':
        this.#tracks += 1
        return this.#track(command, channel)
    }
  }

  #startTls(domain: string, channel: Line): Said {
    const { tls } = this.#context
    const refused = (status: string, why: string): Said => {
      this.#errors += 1
      return said(status, why)
    }
    if (channel.secured) return refused('-BAD/tls-in-progress', 'This is TLS already')
    if (!tls) return refused('-ERR/unsupported', 'There is no TLS here')
    if (!tls.isFor(domain)) return refused('-BAD/bad-fqdn', 'The certificate here is not for that name')
    // What came ahead was not said under TLS, so nothing may come ahead (RFC 3887 section 6).
    if (channel.pending()) return refused('-BAD', 'STARTTLS must be the last command of its group')
    return said('+OK', 'Begin TLS', { after: 'tls' })
  }

  async #track(asked: Extract<Command, { is: 'track' }>, channel: Line): Promise<Said> {
    const { wrongSecrets, tlsRequired, tls, answers } = this.#context
    if (tlsRequired && tls && !channel.secured) return said('-ERR/tls-required', 'Say STARTTLS first')
    if (!wrongSecrets.mayAsk(this.#peer)) {
      this.#errors += 1
      return said('-TEMP/admin', 'Asked in vain too often; try again in an hour')
    }
    // What is told of takes room until the client has it.
    const done = answers.enter(this.#peer, () => channel.destroy())
    if (!done) return said('-TEMP/admin', 'Too many are being told just now; try again later')
    try {
      const answer = await this.#told(asked)
      if (answer.lines) return { ...answer, done }
      done()
      return answer
    } catch (error) {
      done()
      throw error
    }
  }

  async #told({ envid, secret }: Extract<Command, { is: 'track' }>): Promise<Said> {
    const { trails, clock, log, listener, wrongSecrets } = this.#context
    const found = await trails.find(envid, certifierOf(secret), clock.now())
    const messages = found.filter(({ proof }) => proves(secret, proof))
    if (messages.length === 0) {
      // The same for a wrong secret and for mail that was never here.
      this.#errors += 1
      wrongSecrets.wrong(this.#peer)
      log.event('info', 'tracking-refused', { listener, peer: this.#peer, envid })
      return said('-ERR/noinfo', 'Nothing is known of such a message')
    }
    log.event('info', 'tracked', { listener, peer: this.#peer, envid, messages: messages.length })
    const lines = answerLines(envid, messages, chooseBoundary([]), this.#context)
    return said('+OK+', 'Tracking information follows', { lines })
  }
}
