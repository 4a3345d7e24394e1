import { asBuffer } from './octets.ts'

const CR = 13
const LF = 10

/** CRLF becomes LF, as programs that read files expect; a CR or LF that stands alone stays. */
export async function* withLf(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  let heldCr = false
  for await (const part of content) {
    if (part.length === 0) continue
    const chunk = asBuffer(part)
    const out = Buffer.allocUnsafe(chunk.length + 1)
    let length = 0
    if (heldCr && chunk[0] !== LF) out[length++] = CR
    // Whether a CR at the end of the chunk stands alone, the next chunk tells.
    heldCr = chunk.at(-1) === CR
    const end = heldCr ? chunk.length - 1 : chunk.length
    let from = 0
    for (let cr = chunk.indexOf(CR); cr >= 0 && cr < end; cr = chunk.indexOf(CR, cr + 1)) {
      if (chunk[cr + 1] !== LF) continue
      length += chunk.copy(out, length, from, cr)
      from = cr + 1
    }
    length += chunk.copy(out, length, from, end)
    if (length > 0) yield out.subarray(0, length)
  }
  if (heldCr) yield Uint8Array.of(CR)
}
