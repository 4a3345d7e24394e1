import { randomBytes } from 'node:crypto'
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { nameKey } from '../sasl/password-file.ts'
import { saslPrep } from '../sasl/saslprep.ts'
import { LEAST_ITERATIONS, MOST_ITERATIONS, scramVerifier } from '../sasl/scram.ts'
import { SALT_OCTETS, SCRAM_HASHES, writeVerifier } from '../sasl/verifier.ts'
import { EXIT, Exit } from './exit.ts'
import { type Io, print, printable } from './io.ts'
import type { Given, Usage } from './usage.ts'

/** RFC 7677 section 4 wants 15000 at least; logins by PLAIN take us, and by SCRAM the client, as long as this. */
const ITERATIONS = 32_768

/** Octets of a password at most: a client may send no more of it by PLAIN. */
const LONGEST = 1000

export const passwordUsage: Usage = {
  name: 'password',
  line: 'smail password [--mechanism SCRAM-SHA-256|SCRAM-SHA-1] [--iterations N] NAME',
  does:
    'Prints the line for NAME in a file of passwords (extensions.auth.passwords). The password is read from the terminal,\n' +
    'twice and without being shown, or is the first line of standard input. The line does not hold it, but what it can be\n' +
    'checked by. One of SCRAM-SHA-256 does for PLAIN and LOGIN too.',
  options: {
    mechanism: { type: 'string', value: 'NAME', does: 'what it is for; SCRAM-SHA-256, if absent' },
    iterations: { type: 'string', value: 'N', does: `how hard it is to guess; ${ITERATIONS}, if absent` },
  },
}

export const password = async (given: Given, io: Io): Promise<number> => {
  const [name, ...more] = given.words
  if (name === undefined || more.length > 0) throw new Exit(EXIT.usage, `usage: ${passwordUsage.line}`)
  const key = nameKey(name)
  if (key === undefined || key.startsWith('#'))
    throw new Exit(
      EXIT.usage,
      `'${printable(name)}' can be no name: it holds a space, a colon or what no name may hold`,
    )
  const mechanism = given.text('mechanism') ?? 'SCRAM-SHA-256'
  const [, hash] = Object.entries(SCRAM_HASHES).find(([known]) => known === mechanism.toUpperCase()) ?? []
  if (hash === undefined)
    throw new Exit(
      EXIT.usage,
      `--mechanism is '${printable(mechanism)}'; expected one of ${Object.keys(SCRAM_HASHES).join(', ')}`,
    )
  const iterations = countOf(given.text('iterations') ?? String(ITERATIONS))
  const secret = 'isTTY' in io.stdin && io.stdin.isTTY === true ? await typed(io) : await firstLine(io)
  const prepared = saslPrep(secret)
  if (prepared === undefined || prepared === '')
    throw new Exit(
      EXIT.dataError,
      secret === '' ? 'there is no password' : 'it holds what no password may hold (RFC 4013)',
    )
  if (Buffer.byteLength(prepared) > LONGEST) throw new Exit(EXIT.dataError, `it is longer than ${LONGEST} octets`)
  const verifier = await scramVerifier(hash, prepared, randomBytes(SALT_OCTETS), iterations)
  await print(io, `${key}:${writeVerifier(verifier)}\n`)
  return EXIT.ok
}

const countOf = (text: string): number => {
  const count = /^\d{1,9}$/.test(text) ? Number(text) : 0
  if (count >= LEAST_ITERATIONS && count <= MOST_ITERATIONS) return count
  throw new Exit(EXIT.usage, `--iterations is '${printable(text)}'; expected ${LEAST_ITERATIONS} to ${MOST_ITERATIONS}`)
}

/** What is typed twice at a terminal, which does not show it. */
const typed = async (io: Io): Promise<string> => {
  const silence = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: io.stdin, output: silence, terminal: true, historySize: 0 })
  lines.on('SIGINT', () => lines.close())
  // Both may come in one piece.
  const told = lines[Symbol.asyncIterator]()
  const ask = async (question: string): Promise<string> => {
    io.stderr.write(question)
    const line = await told.next()
    io.stderr.write('\n')
    if (line.done) throw new Exit(EXIT.dataError, 'there is no password')
    return line.value
  }
  try {
    const first = await ask('Password: ')
    if ((await ask('Once more: ')) === first) return first
  } finally {
    lines.close()
  }
  throw new Exit(EXIT.dataError, 'the two are not the same')
}

const firstLine = async ({ stdin }: Io): Promise<string> => {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of stdin) {
    const octets = Buffer.from(chunk)
    chunks.push(octets)
    length += octets.length
    if (octets.includes('\n') || length > 2 * LONGEST) break
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks))
    return text.split(/\r?\n/)[0] ?? ''
  } catch {
    throw new Exit(EXIT.dataError, 'it is not UTF-8')
  }
}
