import assert from 'node:assert/strict'
import { type Channel, Closed } from '../../src/net/channel.ts'

/**
 * A dialogue as data. One step a line:
 *
 *     # a comment; `# with: WORDS` says what the server is set up with
 *     C: a line the client sends; lines that follow each other leave in one write
 *     C- octets without CRLF; \r \n \0 \\ and \xNN stand for octets, in `C:` too
 *     S: a line the server must send; `*` stands for anything
 *     R: a reply of any number of lines, the last of which is this
 *     S! the server closes the connection
 *     T! the client begins TLS
 *     N! the connection is lost, and the client comes back on a new one
 *     M: sender recipients | body, as the sink must have it by now, in order; `*` as above
 */
export interface Transcript {
  readonly name: string
  readonly with: readonly string[]
  readonly steps: readonly Step[]
}

export interface Step {
  readonly line: number
  readonly kind: 'C:' | 'C-' | 'S:' | 'R:' | 'S!' | 'T!' | 'N!' | 'M:'
  readonly text: string
}

/** What the text of a step stands for, one character for each octet. */
export const octetsOf = (text: string): string =>
  text.replace(/\\(?:([rn0\\])|x([0-9a-f]{2}))/gi, (_, short: string | undefined, hex: string) =>
    short ? ({ r: '\r', n: '\n', '0': '\0', '\\': '\\' }[short] ?? '') : String.fromCharCode(Number.parseInt(hex, 16)),
  )

export const readTranscript = (name: string, text: string): Transcript => {
  const steps: Step[] = []
  const words: string[] = []
  for (const [index, line] of text.split('\n').entries()) {
    const given = /^# with: (.*)$/.exec(line)?.[1]
    if (given) words.push(...given.split(' '))
    if (line === '' || line.startsWith('#')) continue
    const [, kind, rest] = /^(C:|C-|S:|R:|S!|T!|N!|M:) ?(.*)$/.exec(line) ?? []
    if (kind === undefined || rest === undefined) throw new Error(`${name}:${index + 1}: no step: ${line}`)
    steps.push({ line: index + 1, kind: kind as Step['kind'], text: rest })
  }
  return { name, with: words, steps }
}

const pattern = (text: string): RegExp =>
  new RegExp(
    `^${text
      .split('*')
      .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
      .join('.*')}$`,
    's',
  )

/** Plays the client's side over a channel and holds the server's against the transcript. Rejects at the first line that differs. */
export const play = async (
  transcript: Transcript,
  first: Channel,
  beginTls: (channel: Channel) => Promise<Channel>,
  mail: () => readonly string[],
  comeBack: (lost: Channel) => Promise<Channel> = () => Promise.reject(new Error('Nobody can come back here')),
): Promise<void> => {
  let channel = first
  let met = 0
  for (const [index, { line, kind, text }] of transcript.steps.entries()) {
    const where = `${transcript.name}:${line}`
    if (kind === 'C:' || kind === 'C-') {
      channel.write(Buffer.from(octetsOf(text) + (kind === 'C:' ? '\r\n' : ''), 'latin1'))
      const next = transcript.steps[index + 1]?.kind
      if (next !== 'C:' && next !== 'C-') await channel.flush(60_000)
    } else if (kind === 'S:') {
      assert.match(await channel.line(100_000, 60_000), pattern(octetsOf(text)), where)
    } else if (kind === 'R:') {
      let said = await channel.line(100_000, 60_000)
      while (/^\d{3}-/.test(said)) said = await channel.line(100_000, 60_000)
      assert.match(said, pattern(octetsOf(text)), where)
    } else if (kind === 'S!') {
      await assert.rejects(channel.line(1000, 60_000), Closed, where)
    } else if (kind === 'T!') {
      channel = await beginTls(channel)
    } else if (kind === 'N!') {
      channel = await comeBack(channel)
    } else {
      assert.match(mail()[met++] ?? '(no mail)', pattern(octetsOf(text)), where)
    }
  }
  assert.equal(
    mail().length,
    met,
    `${transcript.name}: mail that the transcript does not tell of: ${mail().slice(met).join('\n')}`,
  )
  channel.destroy()
}
