import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { type Answer, decode, encode, type RecordType, TRUNCATED_RESPONSE } from 'dns-packet'

/** A name server for tests, over UDP and TCP on one port of 127.0.0.1. */
export interface DnsServer {
  /** `127.0.0.1:PORT` */
  readonly address: string
  /** What it was asked, in order. */
  readonly queries: readonly Query[]
  /** Resolves when it has been asked this many times in all. */
  asked(count: number): Promise<void>
  close(): Promise<void>
}

export interface Query {
  readonly id: number
  readonly name: string
  readonly type: RecordType
  /** The payload that EDNS offers, or undefined without EDNS. */
  readonly payload: number | undefined
  readonly via: 'udp' | 'tcp'
  /** Where it came from. */
  readonly port: number
}

/** One packet back. Octets go out as they are. */
export type Reaction = Says | Buffer

export interface Says {
  readonly rcode?: number
  readonly answers?: readonly Answer[]
  readonly authorities?: readonly Answer[]
  readonly truncated?: true
  /** Neither an authority nor recursive. */
  readonly lame?: true
  /** Instead of the query's own. */
  readonly id?: number
  readonly question?: { readonly name: string; readonly type: RecordType } | null
  readonly extendedRcode?: number
  /** From another port than the one that was asked. */
  readonly elsewhere?: true
}

/** Nothing at all is silence; a promise is a delay. */
export type Script = (query: Query) => readonly Reaction[] | Promise<readonly Reaction[]>

const RESPONSE = { authoritative: 1 << 10, recursion: 1 << 7 } as const

/** The octets of an answer to this query. */
export const packetOf = (query: Query, says: Says): Buffer =>
  encode({
    type: 'response',
    id: says.id ?? query.id,
    flags:
      (says.rcode ?? 0) |
      (says.truncated ? TRUNCATED_RESPONSE : 0) |
      (says.lame ? 0 : RESPONSE.recursion | RESPONSE.authoritative),
    questions: says.question === null ? [] : [says.question ?? { name: query.name, type: query.type }],
    answers: [...(says.answers ?? [])],
    authorities: [...(says.authorities ?? [])],
    additionals:
      says.extendedRcode === undefined
        ? []
        : [
            {
              type: 'OPT',
              name: '.',
              udpPayloadSize: 1232,
              extendedRcode: says.extendedRcode,
              ednsVersion: 0,
              flags: 0,
              flag_do: false,
              options: [],
            },
          ],
  })

/** The SOA that says for how many seconds a negative answer holds. */
export const soa = (name: string, minimum: number, ttl: number = minimum): Answer => ({
  name,
  type: 'SOA',
  ttl,
  data: { mname: `ns.${name}`, rname: `hostmaster.${name}`, serial: 1, refresh: 2, retry: 3, expire: 4, minimum },
})

/** Answers from a list of records, aliases included; names without any do not exist. */
export const zone =
  (records: readonly Answer[]): Script =>
  ({ name, type }) => {
    const of = (owner: string): readonly Answer[] => records.filter((one) => one.name === owner.toLowerCase())
    const answers: Answer[] = []
    for (let owner = name; ; ) {
      const alias = of(owner).find((one) => one.type === 'CNAME')
      if (alias === undefined || answers.includes(alias)) {
        answers.push(...of(owner).filter((one) => one.type === type))
        return [{ answers, rcode: of(owner).length === 0 ? 3 : 0, authorities: [soa('test', 60)] }]
      }
      answers.push(alias)
      owner = String('data' in alias ? alias.data : '')
    }
  }

const read = (octets: Buffer, via: Query['via'], port: number): Query => {
  const { id = 0, questions = [], additionals = [] } = decode(octets)
  const [question] = questions
  if (question === undefined) throw new Error('a query without a question')
  const opt = additionals.find((one) => one.type === 'OPT')
  return { id, name: question.name, type: question.type, payload: opt?.udpPayloadSize, via, port }
}

export const dnsServer = async (script: Script): Promise<DnsServer> => {
  const queries: Query[] = []
  const waiting = new Set<() => void>()
  const open = new Set<Socket>()
  const udp = createSocket('udp4')
  const other = createSocket('udp4')
  const tcp = createServer()

  const react = async (query: Query, send: (octets: Buffer, elsewhere: boolean) => void): Promise<void> => {
    queries.push(query)
    const reactions = script(query)
    for (const check of waiting) check()
    for (const one of await reactions) {
      if (Buffer.isBuffer(one)) send(one, false)
      else send(packetOf(query, one), one.elsewhere === true)
    }
  }

  let closed = false
  udp.on('message', (octets, { port, address }) => {
    void react(read(octets, 'udp', port), (answer, elsewhere) => {
      if (!closed) (elsewhere ? other : udp).send(answer, port, address)
    })
  })
  tcp.on('connection', (socket) => {
    let input = Buffer.alloc(0)
    open.add(socket)
    socket.on('close', () => open.delete(socket))
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      input = Buffer.concat([input, chunk])
      if (input.length < 2 || input.length < 2 + input.readUInt16BE(0)) return
      void react(read(input.subarray(2), 'tcp', socket.remotePort ?? 0), (answer) => {
        const length = Buffer.alloc(2)
        length.writeUInt16BE(answer.length)
        // In two pieces, as a network may cut it.
        socket.write(length.subarray(0, 1))
        setImmediate(() => socket.write(Buffer.concat([length.subarray(1), answer])))
      })
    })
  })
  const port = await listen(udp, tcp)

  return {
    address: `127.0.0.1:${port}`,
    queries,
    asked: (count) =>
      new Promise((resolve) => {
        const check = () => {
          if (queries.length < count) return
          waiting.delete(check)
          resolve()
        }
        waiting.add(check)
        check()
      }),
    async close() {
      closed = true
      udp.close()
      other.close()
      tcp.close()
      for (const socket of open) socket.destroy()
      await once(tcp, 'close')
    },
  }
}

/** A port that is free for both; what is free for TCP may be some other program's for UDP. */
const listen = async (
  udp: ReturnType<typeof createSocket>,
  tcp: ReturnType<typeof createServer>,
  tries = 20,
): Promise<number> => {
  tcp.listen(0, '127.0.0.1')
  await once(tcp, 'listening')
  const { port } = tcp.address() as AddressInfo
  try {
    udp.bind(port, '127.0.0.1')
    await once(udp, 'listening')
    return port
  } catch (error) {
    if (tries === 0) throw error
    tcp.close()
    await once(tcp, 'close')
    return listen(udp, tcp, tries - 1)
  }
}
