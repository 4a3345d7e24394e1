import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { enhancedStatusCodes } from '../src/extensions/index.ts'
import type { Channel } from '../src/net/channel.ts'
import { playServerText } from './doubles/dialogues.ts'
import { octetsOf, type play } from './doubles/transcript.ts'

type Replies = string[][]

const readReply = async (channel: Channel): Promise<string[]> => {
  const lines: string[] = []
  do lines.push(await channel.line(100_000, 60_000))
  while (/^\d{3}-/.test(lines.at(-1) ?? ''))
  return lines
}

/** Says what the client says, and keeps all that it is answered, as it is. */
const listening =
  (replies: Replies): typeof play =>
  async ({ steps }, first, beginTls, _mail, comeBack) => {
    let channel = first
    for (const [index, { kind, text }] of steps.entries()) {
      const isReply = kind === 'R:' || (kind === 'S:' && !/^\d{3}-/.test(text))
      if (isReply) replies.push(await readReply(channel))
      if (kind === 'T!') channel = await beginTls(channel)
      if (kind === 'N!') channel = (await comeBack?.(channel)) ?? assert.fail('Nobody comes back')
      if (kind !== 'C:' && kind !== 'C-') continue
      channel.write(Buffer.from(octetsOf(text) + (kind === 'C:' ? '\r\n' : ''), 'latin1'))
      if (steps[index + 1]?.kind !== 'C:' && steps[index + 1]?.kind !== 'C-') await channel.flush(60_000)
    }
    channel.destroy()
  }

/** RFC 2034 section 4: these have none. */
const isExempt = ([line = '']: readonly string[]): boolean =>
  /^3|^220 mx\.example\.test ESMTP|^250[ -]mx\.example\.test$/.test(line)

/** RFC 4141 4.2: its lines begin with the keyword. */
const isBare = (line: string): boolean => /^250[ -]CONNEG\b/.test(line)

test('whatever is said, every line of every reply begins with the one status, of the class of its code (RFC 2034 section 4)', async () => {
  const replies: Replies = []
  for (const file of globSync('test/transcripts/*/*.smtp', { exclude: ['**/toys'] }).sort()) {
    const heard: Replies = []
    await playServerText(file, readFileSync(file, 'latin1'), { also: [enhancedStatusCodes()], by: listening(heard) })
    for (const lines of heard) {
      if (isExempt(lines)) continue
      const statuses = lines
        .filter((line) => !isBare(line))
        .map((line) => /^(\d)\d\d[ -](\1\.\d{1,3}\.\d{1,3}) ./.exec(line)?.[2])
      assert.ok(statuses[0] !== undefined && new Set(statuses).size === 1, `${file}: ${lines.join(' / ')}`)
    }
    replies.push(...heard)
  }
  const codes = new Set(replies.map(([line = '']) => line.slice(0, 3)))
  assert.ok(['214', '221', '250', '252', '354', '421', '452', '500', '554', '555'].every((code) => codes.has(code)))
})
