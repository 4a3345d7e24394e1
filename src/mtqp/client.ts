import { isIP } from 'node:net'
import type { Channel } from '../net/channel.ts'
import { readAnswer, type TrackedMessage } from './read-answer.ts'

/** Why a server tells nothing. */
export class TrackingRefused extends Error {
  override readonly name = 'TrackingRefused'
  /** `unknown`: it knows of no such message, or the secret is another's. `later`: it may tell later. `never`: it will not. */
  readonly kind: 'unknown' | 'later' | 'never'

  constructor(kind: TrackingRefused['kind'], message: string) {
    super(message)
    this.kind = kind
  }
}

export interface Question {
  /** In xtext. */
  readonly envid: string
  /** In base64. */
  readonly secret: string
}

export interface AskOptions {
  /** What the server may be called, the first first: TLS is for a name, and an address is none. */
  readonly names: readonly string[]
  /** `may`: TLS where it can be had. `verify`: and only with a certificate that is right for the first name. */
  readonly tls?: 'off' | 'may' | 'require' | 'verify'
  asClient(channel: Channel, name: string, options?: { readonly verify?: boolean }): Promise<Channel>
  /** Milliseconds for an answer; two minutes are the least (RFC 3887 2.5). */
  readonly timeout?: number
}

const LEAST_TIMEOUT = 120_000
const MOST_OF_LINE = 998
const MOST_LINES = 100_000

/**
 * Asks one server over a channel that nothing was read of yet, and closes it. Throws `TrackingRefused`, and what channels
 * and TLS throw.
 */
export const ask = async (
  first: Channel,
  { envid, secret }: Question,
  options: AskOptions,
): Promise<readonly TrackedMessage[]> => {
  const timeout = Math.max(LEAST_TIMEOUT, options.timeout ?? LEAST_TIMEOUT)
  const talk = new Talk(first, timeout)
  try {
    await begin(talk, options)
    const lines = await talk.command(`TRACK ${envid} ${secret}`)
    await talk.leave()
    const messages = readAnswer(lines)
    if (messages.length === 0) throw new TrackingRefused('never', 'Its answer holds no tracking status')
    return messages
  } finally {
    talk.destroy()
  }
}

/** The greeting, and TLS where that is to be. */
const begin = async (talk: Talk, { names, tls = 'may', asClient }: AskOptions): Promise<void> => {
  const offered = (await talk.answer()).some((line) => /^starttls(?:[ \t]|$)/i.test(line))
  if (tls === 'off') return
  const name = offered ? await takenName(talk, tls === 'verify' ? names.slice(0, 1) : names) : undefined
  if (name === undefined) {
    if (tls === 'may') return
    throw new TrackingRefused('never', offered ? 'It does not go by a name to begin TLS with' : 'It offers no STARTTLS')
  }
  await talk.replace((channel) => asClient(channel, name, { verify: tls === 'verify' }))
  // All that was said before is forgotten (RFC 3887 6.2).
  await talk.answer()
}

/** The first name with which it begins TLS. */
const takenName = async (talk: Talk, names: readonly string[]): Promise<string | undefined> => {
  for (const name of names.filter((one) => !isIP(one) && one.includes('.'))) {
    try {
      await talk.command(`STARTTLS ${name}`)
      return name
    } catch (error) {
      if (!(error instanceof TrackingRefused)) throw error
    }
  }
  return undefined
}

class Talk {
  #channel: Channel
  readonly #timeout: number

  constructor(channel: Channel, timeout: number) {
    this.#channel = channel
    this.#timeout = timeout
  }

  async command(line: string): Promise<readonly string[]> {
    this.#channel.write(`${line}\r\n`)
    await this.#channel.flush(this.#timeout)
    return this.answer()
  }

  /** The lines of a success, dot-stuffing removed; none where there is one line only. Throws `TrackingRefused`. */
  async answer(): Promise<readonly string[]> {
    const line = await this.#line()
    const [, sign, info = '', text = ''] = /^(\+OK\+?|-[A-Z]+)((?:\/[\w-]+)*)[ \t]*(.*)$/i.exec(line) ?? []
    if (sign === undefined) throw new TrackingRefused('never', `It speaks no MTQP: ${line.slice(0, 100)}`)
    if (sign.startsWith('-')) throw refused(sign.toUpperCase(), info.toLowerCase(), text)
    const lines: string[] = []
    if (!sign.endsWith('+')) return lines
    for (;;) {
      const next = await this.#line()
      if (next === '.') return lines
      if (lines.push(next.startsWith('.') ? next.slice(1) : next) > MOST_LINES)
        throw new TrackingRefused('never', 'Its answer has no end')
    }
  }

  /** RFC 3887 section 7: the answer need not be waited for. */
  async leave(): Promise<void> {
    this.#channel.write('QUIT\r\n')
    await this.#channel.flush(this.#timeout).catch(() => {})
  }

  async replace(make: (channel: Channel) => Promise<Channel>): Promise<void> {
    this.#channel.discardPending()
    this.#channel = await make(this.#channel)
  }

  destroy(): void {
    this.#channel.destroy()
  }

  #line(): Promise<string> {
    return this.#channel.line(MOST_OF_LINE, this.#timeout)
  }
}

const refused = (sign: string, info: string, text: string): TrackingRefused => {
  const said = [`${sign}${info}`, text].filter((one) => one !== '').join(' ')
  if (info.split('/').includes('noinfo')) return new TrackingRefused('unknown', said)
  return new TrackingRefused(sign === '-TEMP' ? 'later' : 'never', said)
}
