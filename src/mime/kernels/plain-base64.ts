import type { Encoder } from './kernels.ts'
import { Piecewise, Room } from './piecewise.ts'

const ALPHABET = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/')

/** Octets that fill a line of 76. */
const LINE = 57

/** Two octets as they stand in memory here. */
const pairsOf = (octets: Uint8Array): Uint16Array =>
  new Uint16Array(octets.buffer, octets.byteOffset, octets.length / 2)

/** Two letters for each twelve bits. */
const PAIRS = pairsOf(
  Uint8Array.from({ length: 8192 }, (_, index) => ALPHABET[index % 2 ? (index >> 1) & 63 : index >> 7] as number),
)
const CRLF = pairsOf(Uint8Array.of(13, 10))[0] as number

export const plainBase64 = (): Encoder => {
  const room = new Room()
  return new Piecewise((input, last) => {
    const out = room.of(Math.ceil(input.length / LINE) * 78)
    const pairs = pairsOf(out)
    let to = 0
    let from = 0
    for (; from + LINE <= input.length; from += LINE) to = writeLine(input, from, pairs, to)
    const tail = last ? shortLine(input.subarray(from)) : ''
    const end = to * 2 + out.write(tail, to * 2, 'latin1')
    return { taken: last ? input.length : from, output: out.subarray(0, end) }
  })
}

/** Writes one full line with its CRLF and returns where it ends, in pairs. */
const writeLine = (input: Buffer, from: number, pairs: Uint16Array, to: number): number => {
  let at = to
  for (let i = from; i < from + LINE; i += 3) {
    const bits = ((input[i] as number) << 16) | ((input[i + 1] as number) << 8) | (input[i + 2] as number)
    pairs[at] = PAIRS[bits >> 12] as number
    pairs[at + 1] = PAIRS[bits & 4095] as number
    at += 2
  }
  pairs[at] = CRLF
  return at + 1
}

const shortLine = (rest: Buffer): string => (rest.length === 0 ? '' : `${rest.toString('base64')}\r\n`)
