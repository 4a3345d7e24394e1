const LF = 10
const FROM = Buffer.from('From ')
const BATCH = 256 * 1024

type Octets = AsyncIterable<Uint8Array>

/** Lines of `From ` after any number of `>` get one more (mboxrd): the only quoting that can be undone. */
export async function* quoteFrom(content: Octets): Octets {
  // Octets of `From ` met since the beginning of the line and its `>`s; -1 within a line.
  let matched = 0
  for await (const chunk of content) {
    // What was matched at the end of the last chunk is not yet given out.
    let from = 0
    let owed = Math.max(matched, 0)
    for (let at = 0; at < chunk.length; ) {
      if (matched < 0) {
        const lf = chunk.indexOf(LF, at)
        if (lf < 0) break
        at = lf + 1
        matched = 0
      } else if (chunk[at] === FROM[matched]) {
        at += 1
        matched += 1
        if (matched < FROM.length) continue
        const start = at - FROM.length
        if (start > from) yield chunk.subarray(from, start)
        yield Buffer.concat([Buffer.from('>'), FROM])
        from = at
        owed = 0
        matched = -1
      } else {
        if (owed > 0) yield FROM.subarray(0, owed)
        owed = 0
        // A `>` goes on at the beginning of a line only as long as nothing of `From ` came.
        if (matched === 0 && chunk[at] === 0x3e) at += 1
        else matched = -1
      }
    }
    const held = matched > 0 ? matched - owed : 0
    if (chunk.length - held > from) yield chunk.subarray(from, chunk.length - held)
  }
  if (matched > 0) yield FROM.subarray(0, matched)
}

/** The same octets in pieces of 256 KiB or a little more: a write for each piece costs more than copying it. */
export async function* batched(content: Octets): Octets {
  let parts: Uint8Array[] = []
  let length = 0
  for await (const chunk of content) {
    parts.push(chunk)
    length += chunk.length
    if (length < BATCH) continue
    yield Buffer.concat(parts, length)
    parts = []
    length = 0
  }
  if (length > 0) yield Buffer.concat(parts, length)
}

/** The lines that delivery puts on top, and the message. */
export async function* withTop(top: string, content: Octets): Octets {
  yield Buffer.from(top)
  yield* content
}
