import { withCrlf } from './convert-input.ts'

const [CR, LF] = [0x0d, 0x0a]
/** Octets of a first line at most; a longer one is no command, and its line ends are left to whoever refuses it. */
const MOST = 4096

/** SMTP commands as a person or a script types them: where the first line ends with LF alone, all lines get their CR. */
export async function* withSmtpLineEnds(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const pieces = source[Symbol.asyncIterator]()
  let first: Uint8Array = new Uint8Array(0)
  let ended = false
  while (!ended && first.length <= MOST && !first.includes(LF)) {
    const next = await pieces.next()
    ended = next.done === true
    if (!next.done) first = Buffer.concat([first, next.value])
  }
  const all = async function* () {
    if (first.length > 0) yield first
    for (let next = await pieces.next(); !next.done; next = await pieces.next()) yield next.value
  }
  const lf = first.indexOf(LF)
  yield* lf >= 0 && first[lf - 1] !== CR ? withCrlf(all()) : all()
}
