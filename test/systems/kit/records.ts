import type { Answer } from 'dns-packet'
import { type Script, zone } from '../../doubles/dns-server.ts'

/**
 * What a name server knows, a record a line: `there.test MX 10 mx.there.test`, `mx.there.test A 127.0.0.2`, `AAAA`,
 * `CNAME`, `PTR`, `_mtqp._tcp.there.test SRV 0 0 1038 mx.there.test`, `there.test TXT` and its text to the end of the line. `broken.test FAIL`: it cannot tell; `quiet.test SILENT`: it says nothing. Other names do not exist.
 */
export const scriptOf = (text: string): Script => {
  const records: Answer[] = []
  const broken = new Set<string>()
  const silent = new Set<string>()
  for (const line of text.split('\n').map((one) => one.trim())) {
    if (line === '' || line.startsWith('#')) continue
    const [name = '', type = '', ...data] = line.split(/\s+/)
    if (type === 'FAIL') broken.add(name)
    else if (type === 'SILENT') silent.add(name)
    else records.push(record(name, type, data))
  }
  const known = zone(records)
  return (query) => {
    const name = query.name.toLowerCase()
    if (silent.has(name)) return []
    return broken.has(name) ? [{ rcode: 2 }] : known(query)
  }
}

const TTL = 30

const record = (name: string, type: string, rest: readonly string[]): Answer => {
  const [first = '', second = '', third, target] = rest
  if (type === 'SRV' && target !== undefined) {
    const data = { priority: Number(first), weight: Number(second), port: Number(third), target }
    return { name, type, ttl: TTL, data }
  }
  if (type === 'MX') return { name, type, ttl: TTL, data: { preference: Number(first), exchange: second } }
  // In strings of 255 octets, as a name server has to cut it.
  if (type === 'TXT') return { name, type, ttl: TTL, data: rest.join(' ').match(/.{1,255}/g) ?? [''] }
  if (type === 'A' || type === 'AAAA' || type === 'CNAME' || type === 'PTR')
    return { name, type, ttl: TTL, data: first }
  throw new Error(`no record of DNS: ${name} ${type}`)
}
