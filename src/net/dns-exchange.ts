import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { connect, isIPv6 } from 'node:net'
import type { Clock } from '../observe/clock.ts'
import { type Answer, decodeAnswer, encodeQuery, FORMERR, NOTIMP, type Question } from './dns-message.ts'
import type { Server } from './dns-servers.ts'
import { DnsError } from './resolver.ts'

/** Asks one server one thing. */
export interface Exchange {
  /** Over UDP, and over TCP when the answer did not fit. Whatever goes wrong is a `DnsError` with kind `failed`. */
  ask(server: Server, question: Question): Promise<Answer>
  /** What is under way fails, and so does every later `ask`. */
  close(): void
}

interface Pending {
  readonly fail: (why: string) => void
}

interface Way {
  send(): void
  close(): void
}

/** So many datagrams that answer nothing asked mean that somebody is guessing: over TCP there is nothing to guess. */
const MOST_STRANGERS = 16

/** `timeout`: milliseconds for one answer, counted anew when TCP takes over. */
export const dnsExchange = (clock: Clock, timeout: number): Exchange => {
  const pending = new Set<Pending>()
  let closed = false

  /** One answer by whatever `open` sets up, or a failure after `timeout`. It closes exactly once, whoever comes first. */
  const wait = <T>(server: Server, open: (done: (answer: T) => void, fail: (why: string) => void) => Way): Promise<T> =>
    new Promise((resolve, reject) => {
      const settle = (): boolean => {
        if (!pending.delete(one)) return false
        alarm.cancel()
        way?.close()
        return true
      }
      const fail = (why: string) => {
        if (settle()) reject(new DnsError('failed', `${server.address}#${server.port}: ${why}`))
      }
      const one: Pending = { fail }
      pending.add(one)
      const alarm = clock.after(timeout, () => fail('no answer in time'))
      let way: Way | undefined
      if (closed) return fail('closed')
      try {
        way = open((answer) => {
          if (settle()) resolve(answer)
        }, fail)
        way.send()
      } catch (error) {
        fail(error instanceof Error ? error.message : String(error))
      }
    })

  const overUdp = (server: Server, question: Question, edns: boolean): Promise<Answer | undefined> =>
    wait<Answer | undefined>(server, (done, fail) => {
      const id = randomInt(0x10000)
      let strangers = 0
      // A socket of its own: the kernel gives it a random port, and connected it takes datagrams from the server alone.
      const socket = createSocket(isIPv6(server.address) ? 'udp6' : 'udp4')
      socket.on('error', (error) => fail(error.message))
      socket.on('message', (octets) => {
        const answer = readAnswer(octets, id, question)
        if (answer === 'malformed') fail('malformed answer')
        else if (answer !== undefined) done(answer.truncated ? undefined : answer)
        else if (++strangers === MOST_STRANGERS) done(undefined)
      })
      socket.on('connect', () => socket.send(encodeQuery(id, question, edns)))
      return {
        send: () => socket.connect(server.port, server.address),
        close: () => socket.close(),
      }
    })

  const overTcp = (server: Server, question: Question, edns: boolean): Promise<Answer> =>
    wait<Answer>(server, (done, fail) => {
      const id = randomInt(0x10000)
      let input = Buffer.alloc(0)
      const socket = connect({ host: server.address, port: server.port, noDelay: true })
      socket.on('error', (error) => fail(error.message))
      socket.on('close', () => fail('closed without an answer'))
      socket.on('data', (chunk) => {
        input = Buffer.concat([input, chunk])
        const end = input.length < 2 ? Number.POSITIVE_INFINITY : 2 + input.readUInt16BE(0)
        if (input.length < end) return
        const answer = readAnswer(input.subarray(2, end), id, question)
        if (answer === undefined || answer === 'malformed') fail('malformed answer')
        else if (answer.truncated) fail('answer cut short over TCP')
        else done(answer)
      })
      return {
        send: () => socket.write(framed(encodeQuery(id, question, edns))),
        close: () => socket.destroy(),
      }
    })

  const once = async (server: Server, question: Question, edns: boolean): Promise<Answer> =>
    (await overUdp(server, question, edns)) ?? (await overTcp(server, question, edns))

  return {
    async ask(server, question) {
      const answer = await once(server, question, true)
      // An old server that does not know EDNS says so in these words (RFC 6891 section 7).
      return answer.rcode === FORMERR || answer.rcode === NOTIMP ? once(server, question, false) : answer
    },
    close() {
      closed = true
      for (const { fail } of pending) fail('closed')
    },
  }
}

const readAnswer = (octets: Buffer, id: number, question: Question): Answer | 'malformed' | undefined => {
  try {
    return decodeAnswer(octets, id, question)
  } catch {
    return 'malformed'
  }
}

/** As TCP carries it, with its length in front (RFC 1035 4.2.2). */
const framed = (message: Buffer): Buffer => {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(message.length)
  return Buffer.concat([length, message])
}
