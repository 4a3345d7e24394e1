import type { Answer } from 'dns-packet'
import { type Script, zone } from '../../doubles/dns-server.ts'

/**
 * What a name server knows, a record a line: `there.test MX 10 mx.there.test`, `mx.there.test A 127.0.0.2`, `AAAA`,
 * `CNAME`. `broken.test FAIL`: it cannot tell. Other names do not exist.
 */
export const scriptOf = (text: string): Script => {
  const records: Answer[] = []
  const broken = new Set<string>()
  for (const line of text.split('\n').map((one) => one.trim())) {
    if (line === '' || line.startsWith('#')) continue
    const [name = '', type = '', ...data] = line.split(/\s+/)
    if (type === 'FAIL') broken.add(name)
    else records.push(record(name, type, data))
  }
  const known = zone(records)
  return (query) => (broken.has(query.name.toLowerCase()) ? [{ rcode: 2 }] : known(query))
}

const TTL = 30

const record = (name: string, type: string, [first = '', second = '']: readonly string[]): Answer => {
  if (type === 'MX') return { name, type, ttl: TTL, data: { preference: Number(first), exchange: second } }
  if (type === 'A' || type === 'AAAA' || type === 'CNAME') return { name, type, ttl: TTL, data: first }
  throw new Error(`no record of DNS: ${name} ${type}`)
}
