import { EXIT, Exit } from './exit.ts'

const LF = 0x0a
const CRLF = Buffer.from('\r\n')

/**
 * Standard input as mail has it: every line ends with CRLF, whether it came with CRLF, LF or, as the last one, without.
 * Unless `dots`, a line with a dot alone ends the message and what follows is not read. A CR within a line stays.
 */
export async function* mailLines(input: AsyncIterable<Uint8Array>, dots: boolean): AsyncIterable<Buffer> {
  // The end of what came that cannot be judged before more comes: a CR, or a dot that may be a whole line.
  let held = ''
  let atStart = true
  for await (const chunk of input) {
    const data = held === '' ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length) : joined(held, chunk)
    const parts: Buffer[] = []
    let from = 0
    for (let lf = data.indexOf(LF); lf >= 0; lf = data.indexOf(LF, from)) {
      const line = data.subarray(from, lf > from && data[lf - 1] === 0x0d ? lf - 1 : lf)
      if (!dots && atStart && line.length === 1 && line[0] === 0x2e) {
        if (parts.length > 0) yield Buffer.concat(parts)
        return
      }
      parts.push(line, CRLF)
      from = lf + 1
      atStart = true
    }
    const rest = data.subarray(from)
    held = undecided(rest, atStart)
    const sure = rest.subarray(0, rest.length - held.length)
    if (sure.length > 0) atStart = false
    if (parts.length + sure.length > 0) yield Buffer.concat([...parts, sure])
  }
  const last = held.replace(/\r$/, '')
  if (!dots && atStart && last === '.') return
  if (!atStart || held !== '') yield Buffer.from(`${last}\r\n`)
}

const undecided = (rest: Buffer, atStart: boolean): string => {
  const end = rest.toString('latin1', Math.max(0, rest.length - 2))
  if (atStart && rest.length <= 2 && /^\.?\r?$/.test(end)) return end
  return end.endsWith('\r') ? '\r' : ''
}

const joined = (held: string, chunk: Uint8Array): Buffer => Buffer.concat([Buffer.from(held), chunk])

const MOST_HEADER = 1024 * 1024

/** Until the empty line that ends the header, or for as long as it could still be one. One character per octet. */
export const readHeader = async (input: AsyncIterator<Uint8Array>): Promise<string> => {
  let text = ''
  for (;;) {
    const next = await input.next()
    if (next.done) return text
    text += Buffer.from(next.value).toString('latin1')
    if (text.startsWith('\r\n') || text.includes('\r\n\r\n') || !/^[!-9;-~]+[ \t]*(:|$)|^>?From /.test(text))
      return text
    if (text.length > MOST_HEADER) throw new Exit(EXIT.dataError, `the header is longer than ${MOST_HEADER} octets`)
  }
}
