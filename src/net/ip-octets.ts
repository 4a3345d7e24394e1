import { isIP } from 'node:net'

/** The 4 or 16 octets of an IP address, a zone (`%eth0`) left out. Throws on anything else. */
export const ipOctets = (address: string): Buffer => {
  const text = address.split('%', 1)[0] ?? ''
  if (isIP(text) === 4) return Buffer.from(text.split('.').map(Number))
  if (isIP(text) !== 6) throw new Error(`${JSON.stringify(address)} is no IP address`)
  const [head = '', tail] = text.split('::')
  const before = groups(head)
  const after = groups(tail ?? '')
  return Buffer.from([...before, ...new Array<number>(16 - before.length - after.length).fill(0), ...after])
}

const groups = (text: string): number[] =>
  (text === '' ? [] : text.split(':')).flatMap((group) => {
    if (group.includes('.')) return group.split('.').map(Number)
    const value = Number.parseInt(group, 16)
    return [value >> 8, value & 0xff]
  })
