import { type Answer as AnyRecord, decode, encode, RECURSION_DESIRED, TRUNCATED_RESPONSE } from 'dns-packet'

export type RecordType = 'A' | 'AAAA' | 'MX' | 'PTR' | 'SRV' | 'TXT'

export interface Question {
  /** A-labels in lower case, without a trailing dot. */
  readonly name: string
  readonly type: RecordType
}

export interface DnsRecord {
  /** In lower case, as all names here. The root is `.`. */
  readonly owner: string
  readonly type: RecordType | 'CNAME'
  /** Seconds. */
  readonly ttl: number
  /** An address; the name that an MX, SRV, PTR or CNAME points to; a TXT's strings as one, its octets as Latin-1. */
  readonly value: string
  /** Of an MX, the priority of an SRV; otherwise 0. */
  readonly preference: number
  /** Of an SRV. */
  readonly service?: { readonly weight: number; readonly port: number }
}

/** What a server answered, cut down to what a stub resolver needs. */
export interface Answer {
  /** With the upper bits that EDNS adds (RFC 6891 6.1.3). */
  readonly rcode: number
  readonly truncated: boolean
  /** The server is an authority for the name, or looks names up for us. If neither, that it has no records means nothing. */
  readonly competent: boolean
  readonly records: readonly DnsRecord[]
  /** Seconds for which "there is none" may be kept (RFC 2308 section 5). Undefined: not at all. */
  readonly negativeTtl: number | undefined
}

/** Rcodes of RFC 1035 4.1.1 that are more than a failure. */
export const NOERROR = 0
export const FORMERR = 1
export const NXDOMAIN = 3
export const NOTIMP = 4

/** Small enough not to be cut into fragments on any path (DNS Flag Day 2020). */
const PAYLOAD = 1232

/** Octets; the counts of records stand at 6 and up. */
const HEADER = 12

/** A query with recursion desired; `edns` offers to take 1232 octets instead of 512. */
export const encodeQuery = (id: number, question: Question, edns: boolean): Buffer =>
  encode({
    type: 'query',
    id,
    flags: RECURSION_DESIRED,
    questions: [{ ...question, class: 'IN' }],
    additionals: edns
      ? [
          {
            type: 'OPT',
            name: '.',
            udpPayloadSize: PAYLOAD,
            extendedRcode: 0,
            ednsVersion: 0,
            flags: 0,
            flag_do: false,
            options: [],
          },
        ]
      : [],
  })

/** One with the top bit set counts as 0 (RFC 2181 section 8). */
const seconds = (ttl: number | undefined): number => (ttl === undefined || ttl > 0x7fffffff ? 0 : ttl)

const toRecord = (record: AnyRecord): DnsRecord[] => {
  if (record.type === 'OPT' || record.class !== 'IN') return []
  const owner = record.name.toLowerCase()
  const ttl = seconds(record.ttl)
  if (record.type === 'MX') {
    const { exchange, preference } = record.data
    return [{ owner, type: 'MX', ttl, value: exchange.toLowerCase(), preference: preference ?? 0 }]
  }
  if (record.type === 'SRV') {
    const { target, port, priority = 0, weight = 0 } = record.data
    return [{ owner, type: 'SRV', ttl, value: target.toLowerCase(), preference: priority, service: { weight, port } }]
  }
  if (record.type === 'TXT') {
    const value = [record.data].flat().map((part) => Buffer.from(part).toString('latin1'))
    return [{ owner, type: 'TXT', ttl, value: value.join(''), preference: 0 }]
  }
  if (record.type === 'PTR' || record.type === 'A' || record.type === 'AAAA' || record.type === 'CNAME') {
    return [{ owner, type: record.type, ttl, value: record.data.toLowerCase(), preference: 0 }]
  }
  return []
}

const negativeTtl = (authorities: readonly AnyRecord[]): number | undefined => {
  const soa = authorities.find((record) => record.type === 'SOA')
  return soa === undefined ? undefined : Math.min(seconds(soa.ttl), seconds(soa.data.minimum))
}

/** A cut packet may end in the middle of a record; nothing but its question is of use. */
const withoutRecords = (octets: Buffer): Buffer => Buffer.from(octets).fill(0, 6, HEADER)

/**
 * The answer to this question with this id. Undefined when the packet is something else, as an answer that came late or
 * was forged is. Throws when it bears our id and cannot be read.
 */
export const decodeAnswer = (octets: Buffer, id: number, question: Question): Answer | undefined => {
  if (octets.length < HEADER || octets.readUInt16BE(0) !== id) return undefined
  const packet = decode(octets.readUInt16BE(2) & TRUNCATED_RESPONSE ? withoutRecords(octets) : octets)
  const [asked, ...more] = packet.questions ?? []
  const flags = packet.flags ?? 0
  const echoed =
    asked !== undefined &&
    more.length === 0 &&
    asked.name.toLowerCase() === question.name &&
    asked.type === question.type &&
    asked.class === 'IN'
  // A server that cannot read a query may have no question to give back.
  const unread = asked === undefined && [FORMERR, NOTIMP].includes(flags & 15)
  if (!packet.flag_qr || (flags >> 11) & 15 || !(echoed || unread)) return undefined
  const keep = negativeTtl(packet.authorities ?? [])
  const opt = packet.additionals?.find((record) => record.type === 'OPT')
  return {
    rcode: (flags & 15) | ((opt?.extendedRcode ?? 0) << 4),
    truncated: packet.flag_tc,
    competent: packet.flag_aa || packet.flag_ra || keep !== undefined,
    records: (packet.answers ?? []).flatMap(toRecord),
    negativeTtl: keep,
  }
}
