import assert from 'node:assert/strict'
import { readTranscript } from '../../doubles/transcript.ts'
import type { Client } from './client.ts'
import type { Mail } from './format.ts'
import { fits, repeated } from './pattern.ts'

const octets = (text: string): string =>
  repeated(text).replace(/\\(?:([rn0\\])|x([0-9a-f]{2}))/gi, (_, short: string | undefined, hex: string) =>
    short ? ({ r: '\r', n: '\n', '0': '\0', '\\': '\\' }[short] ?? '') : String.fromCharCode(Number.parseInt(hex, 16)),
  )

/** The next line that is wanted, or the last one of a reply. */
const lineOf = async (client: Client, wanted: string): Promise<string | undefined> => {
  for (;;) {
    const line = await client.line()
    if (line?.[3] !== '-' || fits(line, wanted)) return line
  }
}

/**
 * Plays a part of a dialogue in the notation of `test/transcripts/`, and rejects at the first line that differs. A text
 * behind `T!` is the name that the certificate must have; `250-` lines that are not wanted are passed over.
 */
export const talk = async (client: Client, says: string, where: string): Promise<void> => {
  for (const { line, kind, text } of readTranscript(where, says).steps) {
    const at = `${where}, line ${line}`
    if (kind === 'C:') client.write(`${octets(text)}\r\n`)
    else if (kind === 'C-') client.write(octets(text))
    else if (kind === 'S!') assert.equal(await client.line(), undefined, at)
    else if (kind === 'T!') assert.ok(fits(await client.startTls(), text || '*'), at)
    else if (kind === 'S:') {
      const said = await lineOf(client, text)
      assert.ok(said !== undefined && fits(said, text), `${at}: wanted ${text}, got ${said ?? 'the end'}`)
    } else throw new Error(`${at}: ${kind} is nothing that is said`)
  }
}

const bracketed = (path: string): string => (path.startsWith('<') ? path : `<${path.replace(/ |$/, '>$&')}`)

const address = (path: string): string => /<(.*)>/.exec(bracketed(path))?.[1] ?? ''

let count = 0

export const textOf = ({ from, to, subject, text, octets: size }: Mail): string => {
  count += 1
  const header = [
    `From: <${address(from) || 'nobody@client.test'}>`,
    `To: ${to.map((one) => `<${address(one)}>`).join(',\n ')}`,
    `Subject: ${subject}`,
    'Date: Thu, 01 Jan 2026 00:00:00 +0000',
    `Message-ID: <${count}@client.test>`,
  ]
  const body = `${repeated(`${header.join('\n')}\n\n${text}`).replace(/\r?\n/g, '\r\n')}\r\n`
  const line = `${'x'.repeat(70)}\r\n`
  return body + line.repeat(Math.max(0, Math.ceil((size - body.length) / line.length)))
}

/** Hands mail to a server, one command at a time, and tells its last word. Rejects when something before that is refused. */
export const hand = async (client: Client, mail: Mail): Promise<string> => {
  const say = async (line: string, wanted: string): Promise<void> => {
    client.write(`${line}\r\n`)
    const said = await client.reply()
    assert.ok(said.startsWith(wanted), `${line}: ${said}`)
  }
  await say(`MAIL FROM:${bracketed(mail.from)}`, '250')
  for (const one of mail.to) await say(`RCPT TO:${bracketed(one)}`, '250')
  await say('DATA', '354')
  client.write(`${textOf(mail).replace(/^\./gm, '..')}.\r\n`)
  return client.reply()
}

/** The greeting and what has to be said before mail. */
export const greet = async (client: Client): Promise<void> => {
  assert.match(await client.reply(), /^220 /)
  client.write('EHLO client.test\r\n')
  assert.match(await client.reply(), /^250/)
}
