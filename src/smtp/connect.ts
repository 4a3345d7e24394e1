import { randomUUID } from 'node:crypto'
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import type { Diagnosis } from '../mail/diagnosis.ts'
import type { ParamBag, Recipient, ReversePath } from '../mail/envelope.ts'
import { inspector } from '../mime/inspect.ts'
import { dial } from '../net/dialer.ts'
import { type Clock, systemClock } from '../observe/clock.ts'
import { type Log, silentLog } from '../observe/log.ts'
import type { ClientTimeouts } from './client-timeouts.ts'
import { openConversation } from './conversation.ts'
import { converter } from './converter.ts'
import type { Extension, Hop } from './extension.ts'
import { createRegistry } from './registry.ts'
import type { Convert } from './relay-mail.ts'

/** Whom to connect to: `host` is a name that the system looks up, or an address. */
export type ConnectTarget = { readonly host: string; readonly port: number } | { readonly path: string }

export interface ConnectOptions {
  /** How we introduce ourselves. */
  readonly name: string
  /** In the order in which they act. */
  readonly extensions?: readonly Extension[]
  /** Milliseconds for each address. */
  readonly connectTimeout?: number
  readonly timeouts?: Partial<ClientTimeouts>
  readonly signal?: AbortSignal
  readonly clock?: Clock
  readonly log?: Log
  /** How mail is made fit for a server that does not take it as it is. Absent: no signature is broken, header fields are encoded. */
  readonly convert?: Convert
}

/** One message of a program. Its lines end with CRLF; `body` is asked for it several times. */
export interface ClientMail {
  /** Names the mail, the same for each attempt to send these octets: what a server has of it need not be sent again. */
  readonly id?: string
  readonly sender: ReversePath
  readonly params?: ParamBag
  readonly recipients: readonly (Pick<Recipient, 'address'> & Partial<Recipient>)[]
  readonly body: Uint8Array | (() => AsyncIterable<Uint8Array>)
}

/** An SMTP connection of a program that embeds us. One `send` at a time. */
export interface SmtpClient {
  readonly hop: Hop
  /** One diagnosis per recipient, in their order; nothing is thrown for a recipient's sake. */
  send(mail: ClientMail): Promise<readonly Diagnosis[]>
  /** Takes leave. Never rejects. */
  quit(): Promise<void>
}

/** Connects and exchanges greetings. Throws `DialError` or `HopUnusable`. */
export const connect = async (to: ConnectTarget, options: ConnectOptions): Promise<SmtpClient> => {
  const { name, extensions = [], clock = systemClock(), log = silentLog, connectTimeout = 30_000, signal } = options
  const target = 'path' in to ? to : { addresses: await addressesOf(to.host), port: to.port }
  const channel = await dial(target, { clock, timeout: connectTimeout, ...(signal ? { signal } : {}) })
  const conversation = await openConversation(channel, {
    registry: createRegistry(extensions),
    hostname: name,
    name: 'path' in to ? to.path : to.host,
    clock,
    log,
    convert: options.convert ?? converter({ signed: 'bounce', downgrade: 'msa' }),
    ...(options.timeouts ? { timeouts: options.timeouts } : {}),
  })
  return {
    hop: conversation.hop,
    async send(mail) {
      const content = bodyOf(mail.body)
      const { facts } = await inspect(content)
      const recipients = mail.recipients.map(({ params = {}, ...rest }, key) => ({ ...rest, params, key }))
      const said: Diagnosis[] = []
      const now = clock.now()
      const envelope = { sender: mail.sender, params: mail.params ?? {}, recipients }
      const left = await conversation.send(
        { id: mail.id ?? randomUUID(), envelope, facts, origin: 'submitted', accepted: now, now, recipients, content },
        ({ of, diagnosis }) => {
          said[of] = diagnosis
        },
      )
      for (const { key } of left) said[key] = LEFT(now)
      return said
    },
    quit: () => conversation.quit(),
  }
}

const LEFT = (at: number): Diagnosis => ({
  code: 451,
  status: '4.4.2',
  lines: ['This connection takes no more; connect anew'],
  by: 'us',
  at,
})

const addressesOf = async (host: string): Promise<readonly string[]> =>
  isIP(host) ? [host] : (await lookup(host, { all: true })).map(({ address }) => address)

const bodyOf = (body: ClientMail['body']): (() => AsyncIterable<Uint8Array>) =>
  typeof body === 'function'
    ? body
    : async function* () {
        yield body
      }

const inspect = async (
  content: () => AsyncIterable<Uint8Array>,
): Promise<ReturnType<ReturnType<typeof inspector>['end']>> => {
  const inspection = inspector({ maxHeader: 65_536 })
  for await (const chunk of content()) inspection.write(chunk)
  return inspection.end()
}
