import { isAscii } from 'node:buffer'
import { asBuffer } from '../octets.ts'
import type { LineFacts } from './kernels.ts'

/** As much at once as is searched while the cache still has it. */
const WINDOW = 65_536

export const plainScan = (octets: Uint8Array, facts: LineFacts): void => {
  const all = asBuffer(octets)
  for (let from = 0; from < all.length; from += WINDOW) scanWindow(all.subarray(from, from + WINDOW), facts)
}

const scanWindow = (octets: Buffer, facts: LineFacts): void => {
  facts.nul ||= octets.includes(0)
  // A string is searched twice as fast as a buffer, its making included.
  const text = octets.toString('latin1')
  // Each of them is two octets in UTF-8, and counting those is quick.
  if (!isAscii(octets)) facts.eightBit += Buffer.byteLength(text) - text.length
  const start = scanLines(text, facts)
  facts.line = octets.length - start
  facts.afterCr = octets[octets.length - 1] === 13
}

/** Where the last line begins, as an index into `text`; negative when it began before. */
const scanLines = (text: string, facts: LineFacts): number => {
  let start = -facts.line
  let from = 0
  if (facts.afterCr) {
    if (text.startsWith('\n')) {
      facts.longest = Math.max(facts.longest, facts.line - 1)
      start = from = 1
    } else facts.bareNewline = true
  }
  // While CR and LF have only been met together, one search for each per line shows that they still are.
  while (!facts.bareNewline) {
    const cr = text.indexOf('\r', from)
    const lf = text.indexOf('\n', from)
    if (lf < 0 && (cr < 0 || cr === text.length - 1)) return start
    if (cr < 0 || cr + 1 !== lf) {
      facts.bareNewline = true
      break
    }
    facts.longest = Math.max(facts.longest, cr - start)
    start = from = lf + 1
  }
  for (;;) {
    const cr = text.indexOf('\r\n', from)
    if (cr < 0) return start
    facts.longest = Math.max(facts.longest, cr - start)
    start = from = cr + 2
  }
}
