/** Octets that are looked at in one go, without letting anything else run. */
const WINDOW = 65_536

/** The same octets in pieces that are not too long. */
export async function* windows(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of content) {
    for (let at = 0; at < chunk.length; at += WINDOW) yield chunk.subarray(at, at + WINDOW)
  }
}
