import { handTo } from './client.ts'
import { type Hop, makeHop } from './hop.ts'
import { mailIn } from './maildir.ts'
import { freePort } from './ports.ts'
import type { Scene } from './scene.ts'
import { until } from './until.ts'

/** What became of a message on its way through an MTA to a hop. */
export interface Passed {
  /** What the hop got, without the trace field of the MTA. */
  readonly arrived?: Buffer
  /** The status in the report that came back instead, such as `5.6.3`. */
  readonly bounced?: string
  /** What the MTA said when it did not take it in. */
  readonly refused?: string
}

/** An MTA that sends mail for `clear.test` to one hop, and keeps mail for `bob` of its own domain. */
export interface Relay {
  readonly port: number
  readonly domain: string
  /** It takes binary mail. */
  readonly takesBinary?: boolean
  log(): string
  maildir(user: string): string
}

/** How many messages are on their way in at once. */
const AT_ONCE = 8

/** A hop that announces no extension. */
export const plainHop = async (scene: Scene): Promise<Hop> => {
  const hop = makeHop(scene, await freePort())
  await hop.listen()
  return hop
}

/** Hands all messages to an MTA as 8-bit mail, and resolves once each of them has arrived or come back. */
export const passAll = async (
  relay: Relay,
  hop: Hop,
  messages: ReadonlyMap<string, Buffer>,
): Promise<ReadonlyMap<string, Passed>> => {
  const passed = new Map<string, Passed>()
  const waiting = [...messages]
  const hand = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [name, body] = next
      const binary = relay.takesBinary && isBinary(body)
      const how = binary ? { mail: ' BODY=BINARYMIME', chunks: body.length } : { mail: ' BODY=8BITMIME' }
      try {
        await handTo(relay.port, { from: `bob@${relay.domain}`, to: [`${name}@clear.test`], body, ...how })
      } catch (error) {
        passed.set(name, { refused: String(error) })
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, hand))
  const missing = () => [...messages.keys()].filter((name) => !passed.has(name))
  let seen = 0
  await until(
    async () => {
      const fresh = hop.taken.slice(seen)
      seen += fresh.length
      for (const { to, body } of fresh) passed.set(nameOf(to[0]), { arrived: withoutTrace(body) })
      // Reports are looked for once nothing else comes.
      if (fresh.length > 0 || missing().length === 0) return missing().length === 0 || undefined
      for (const report of await mailIn(relay.maildir('bob'))) passed.set(...bounceIn(report.toString('latin1')))
      return missing().length === 0 || undefined
    },
    () => `${missing().join(', ')} should arrive\n${relay.log()}`,
  )
  return passed
}

const nameOf = (address = ''): string => address.replace(/@.*/, '')

const isBinary = (body: Buffer): boolean => /\r(?!\n)|(?<!\r)\n|\0/.test(body.toString('latin1'))

const bounceIn = (report: string): [string, Passed] => {
  const [, recipient] = /^Final-Recipient: rfc822; ?(\S+)$/im.exec(report) ?? []
  const [, status] = /^Status: (\S+)$/im.exec(report) ?? []
  if (recipient === undefined || status === undefined) throw new Error(`This is no report:\n${report}`)
  return [nameOf(recipient), { bounced: status }]
}

/** Only that of the MTA: messages have such fields of their own. */
const withoutTrace = (body: Buffer): Buffer => {
  const field = /^(?:Return-Path:.*\r\n)?Received:.*\r\n(?:[ \t].*\r\n)*/.exec(body.toString('latin1', 0, 4096))
  return body.subarray(field?.[0].length ?? 0)
}
