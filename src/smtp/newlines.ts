const CR = 13
const LF = 10

/**
 * A body with every bare CR and bare LF made CRLF. It works on what the framing has already cut, so what it makes can
 * never end a message.
 */
export async function* normalizeNewlines(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  let openCr = false
  for await (const chunk of source) {
    const out: number[] = []
    for (const octet of chunk) {
      if (openCr && octet !== LF) out.push(LF)
      if (octet === LF && !openCr) out.push(CR)
      openCr = octet === CR
      out.push(octet)
    }
    yield Uint8Array.from(out)
  }
  if (openCr) yield Uint8Array.of(LF)
}
