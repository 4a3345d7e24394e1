import { randomBytes } from 'node:crypto'
import { inspector } from '../src/mime/inspect.ts'
import { kernels as fastest } from '../src/mime/kernels/fastest.ts'
import { plainKernels } from '../src/mime/kernels/plain.ts'
import { octetScan } from '../src/mime/octet-scan.ts'
import { base64, type Encoder, measured, quotedPrintable } from '../src/mime/transfer-encoding.ts'
import { relayTable } from './convert-relay.ts'

const MIB = 1 << 20
const SIZE = 10 * MIB
/** As sockets and files hand it over. */
const CHUNK = 65_536

/** Lines of words, 72 characters at most, as much as fills `SIZE`. */
const text = (words: readonly string[]): Buffer => {
  const lines: string[] = []
  let line = ''
  // A step that has no factor in common with the number of words meets them in ever other order.
  for (let i = 0, word = 0; i < 20_000; i++) {
    word = (word * 31 + i * 7 + 1) % words.length
    const next = words[word] ?? ''
    if (line.length + next.length > 72) {
      lines.push(line)
      line = ''
    }
    line += line === '' ? next : ` ${next}`
  }
  const some = Buffer.from(`${lines.join('\r\n')}\r\n`)
  return Buffer.concat(Array.from({ length: Math.ceil(SIZE / some.length) }, () => some)).subarray(0, SIZE)
}

const GERMAN = text(
  `Sehr geehrte Damen und Herren, für die Übersendung der Unterlagen danke ich Ihnen herzlich. Die geänderten Größen
  müssen wir bis nächste Woche prüfen; außerdem hätten wir gern, dass das Gespräch über die Kosten früher stattfindet.
  Mit freundlichen Grüßen aus München, wo heute schönes Wetter ist`.split(/\s+/),
)
const CYRILLIC = text(
  `Уважаемые коллеги, благодарю вас за присланные документы. Изменённые размеры мы должны проверить до следующей
  недели; кроме того, нам хотелось бы, чтобы разговор о расходах состоялся раньше. С наилучшими пожеланиями из
  Петербурга, где сегодня хорошая погода`.split(/\s+/),
)
const BINARY = randomBytes(SIZE)
const message = (fields: string, body: Buffer): Buffer => Buffer.concat([Buffer.from(`${fields}\r\n\r\n`), body])
const TEXT_MAIL = message('From: a@example.org\r\nSubject: text\r\nContent-Type: text/plain; charset=utf-8', GERMAN)
const PARTS = message(
  'From: a@example.org\r\nSubject: two parts\r\nContent-Type: multipart/mixed; boundary=b',
  Buffer.concat(['--b\r\n\r\n', GERMAN, '\r\n--b\r\n\r\nshort\r\n--b--\r\n'].map((piece) => Buffer.from(piece))),
)

type Work = (octets: Buffer) => void

const chunks = function* (octets: Buffer): Generator<Buffer> {
  for (let at = 0; at < octets.length; at += CHUNK) yield octets.subarray(at, at + CHUNK)
}

const encode =
  (make: () => Encoder): Work =>
  (octets) => {
    const encoder = make()
    for (const chunk of chunks(octets)) encoder.write(chunk)
    encoder.end()
  }

const write =
  (make: () => { write(chunk: Uint8Array): void; end(): unknown }): Work =>
  (octets) => {
    const one = make()
    for (const chunk of chunks(octets)) one.write(chunk)
    one.end()
  }

const target = Buffer.alloc(SIZE + MIB)
const copy: Work = (octets) => {
  let at = 0
  for (const chunk of chunks(octets)) at += chunk.copy(target, at)
}

/** Seconds of this thread on a processor: what others do meanwhile on the machine does not count. */
const worked = (): number => {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1e6
}

/** MiB of input in a second: the best of five rounds, for what others do on the machine takes from the cache too. */
const speed = (work: Work, octets: Buffer): number => {
  // The first ones are for the compiler.
  for (let i = 0; i < 3; i++) work(octets)
  const rounds = Array.from({ length: 5 }, () => {
    const start = worked()
    let times = 0
    for (; worked() < start + 0.3; times++) work(octets)
    return (times * octets.length) / MIB / (worked() - start)
  })
  return Math.max(...rounds)
}

const rows: [string, Buffer, Work][] = [...new Set([plainKernels, fastest])].flatMap((kernels) => [
  [`scan, 8-bit text, ${kernels.name}`, GERMAN, write(() => octetScan(kernels))],
  [`UTF-8 German to QP, ${kernels.name}`, GERMAN, encode(() => quotedPrintable({ lines: 'text' }, kernels))],
  [`UTF-8 Cyrillic to QP, ${kernels.name}`, CYRILLIC, encode(() => quotedPrintable({ lines: 'text' }, kernels))],
  [`binary to base64, ${kernels.name}`, BINARY, encode(() => base64(kernels))],
])
rows.push(
  ['inspect, 8-bit text', TEXT_MAIL, write(() => inspector({ maxHeader: 65_536 }))],
  ['inspect, 8-bit multipart', PARTS, write(() => inspector({ maxHeader: 65_536 }))],
  ['German, QP measured only', GERMAN, write(() => measured(quotedPrintable({ lines: 'text' })))],
  ['German, QP mended', GERMAN, encode(() => quotedPrintable({ lines: 'mend' }))],
)

const copied = new Map([GERMAN, CYRILLIC, BINARY, TEXT_MAIL, PARTS].map((octets) => [octets, speed(copy, octets)]))
process.stdout.write(`${''.padEnd(32)}${'MiB/s'.padStart(8)}   of Buffer.copy\n`)
process.stdout.write(`${'Buffer.copy'.padEnd(32)}${(copied.get(GERMAN) ?? 0).toFixed(0).padStart(8)}\n`)
for (const [what, octets, work] of rows) {
  const rate = speed(work, octets)
  const ratio = rate / (copied.get(octets) ?? 0)
  process.stdout.write(`${what.padEnd(32)}${rate.toFixed(0).padStart(8)}   ${ratio.toFixed(3)}\n`)
}
process.stdout.write(
  `\n${await relayTable(
    message(
      'From: a@example.org\r\nSubject: text\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit',
      GERMAN,
    ),
  )}`,
)
