import type { MimeHandler } from '../../src/mime/reader.ts'
import { MimeReader } from '../../src/mime/reader.ts'
import type { Told } from './reference-mime.ts'

type Random = (below: number) => number

const BOUNDARIES = ['b', 'bb', 'b--', '-', '--', 'b c', 'outer', '\xe9']

const pick = <T>(from: readonly T[], random: Random): T => {
  const picked = from[random(from.length)]
  if (picked === undefined) throw new Error('Nothing to pick from')
  return picked
}

const type = (random: Random, boundaries: readonly string[]): string => {
  const boundary = pick(boundaries, random)
  return pick(
    [
      `multipart/mixed; boundary="${boundary}"`,
      `Multipart/Mixed; boundary="${boundary}"`,
      `multipart/digest;\r\n\tboundary=${boundary}`,
      `multipart/alternative; boundary="${boundary} "; x=y`,
      'multipart/mixed',
      `multipart / (c;omment) signed; protocol=x; boundary*0="${boundary[0]}"; boundary*1="${boundary.slice(1)}"`,
      `message/rfc822`,
      'message/rfc822 (comment)',
      'message/global',
      'message/partial; number=1',
      'text/plain; charset=utf-8',
      'nonsense',
      '',
    ],
    random,
  )
}

const piece = (random: Random, boundaries: readonly string[]): string => {
  const boundary = pick(boundaries, random)
  switch (random(12)) {
    case 0:
    case 1:
      return `Content-Type: ${type(random, boundaries)}\r\n`
    case 2:
      return `Content-Type: ${type(random, boundaries)}\r\n\r\n`
    case 3:
      return `--${boundary}\r\n`
    case 4:
      return `\r\n--${boundary}${pick(['', ' ', '\t ', 'x', '-', '\r', '\n', ' x'], random)}\r\n`
    case 5:
      return `\r\n--${boundary}--${pick(['\r\n', '\r\n', ' \t\r\n', 'x\r\n', '', '\n'], random)}`
    case 6:
      return pick(['Content-Transfer-Encoding: ', 'CONTENT-transfer-encoding : ', 'MIME-Version: '], random)
    case 7:
      return `${pick(['8bit', 'Base64', '7BIT (c)', 'quoted-printable', '(c) 8bit', 'x-y'], random)}\r\n`
    case 8:
      return '\r\n'
    case 9:
      return pick(['\r', '\n', '-', '--', '\r\n-', '\r\n--', ' ', '\t', '\0', ':', '\r\n\r\n'], random)
    case 10:
      return pick(['Subject: hello\r\n', 'X: \xe9\r\n', ' folded\r\n', 'no field\r\n', 'a', 'A:\r\n'], random)
    default:
      return pick(['text', 'text\r\n', '\xff\xfe', '\r\n.', 'From x\r\n'], random)
  }
}

/** A message of pieces that matter to a reader of MIME, well put together by chance only. */
export const mimeMessage = (random: Random): string => {
  // Of a few, so that they meet.
  const boundaries = [pick(BOUNDARIES, random), pick(BOUNDARIES, random)]
  let text = random(3) > 0 ? `Content-Type: ${type(random, boundaries)}\r\n\r\n` : ''
  for (let n = random(24); n > 0; n--) text += piece(random, boundaries)
  return text
}

/** A message as it ought to be, nested at most so deep. */
const wellFormed = (random: Random, deep: number): string => {
  const encoding = pick(
    ['', '', 'Content-Transfer-Encoding: 8bit\r\n', 'Content-Transfer-Encoding: base64\r\n'],
    random,
  )
  const kind = deep === 0 ? 0 : random(4)
  if (kind === 0) return `Content-Type: text/plain\r\n${encoding}\r\n${pick(['', 'text', 'a\r\n--\r\nb'], random)}`
  const within = () => wellFormed(random, deep - 1)
  if (kind === 1) return `Content-Type: message/rfc822\r\n\r\n${within()}`
  const boundary = `${deep}${pick(BOUNDARIES, random)}`
  const parts = Array.from({ length: 1 + random(3) }, () => `\r\n--${boundary}\r\n${within()}`)
  const subtype = pick(['mixed', 'digest', 'signed'], random)
  return `Content-Type: multipart/${subtype}; boundary="${boundary}"\r\n${encoding}\r\n${parts.join('')}\r\n--${boundary}--\r\n`
}

/** A well-formed message with a few things gone wrong. */
export const mutatedMessage = (random: Random): string => mutated(wellFormed(random, 1 + random(5)), random)

/** A few things go wrong: octets changed, pieces lost, doubled or moved. */
export const mutated = (whole: string, random: Random): string => {
  let text = whole
  for (let n = random(6); n > 0; n--) {
    const at = random(text.length + 1)
    const cut = text.slice(at, at + random(pick([3, 30, 300], random)))
    const to = random(text.length + 1)
    switch (random(4)) {
      case 0:
        text =
          text.slice(0, at) +
          pick(['\r', '\n', '-', '\r\n', ' ', '\0', '\xff', '"', ';', ':'], random) +
          text.slice(at + 1)
        break
      case 1:
        text = text.slice(0, at) + text.slice(at + cut.length)
        break
      default:
        text = text.slice(0, to) + cut + text.slice(to)
    }
  }
  return text
}

/** What the reader under test tells of a message in these chunks, put together; and everything it handed over. */
export const readMime = (chunks: readonly Uint8Array[], maxDepth: number): { told: Told[]; all: string } => {
  const told: Told[] = []
  let all = ''
  const text = (octets: Uint8Array): string => {
    const octetsAsText = Buffer.from(octets).toString('latin1')
    all += octetsAsText
    return octetsAsText
  }
  const give = (kind: 'body' | 'preamble' | 'delimiter' | 'epilogue', octets: string) => {
    const last = told.at(-1)
    if (last?.[0] === kind && kind !== 'delimiter') told[told.length - 1] = [kind, last[1] + octets]
    else told.push([kind, octets])
  }
  const handler: MimeHandler = {
    partBegins: (depth) => void told.push(['begins', depth]),
    field(name, raw) {
      const last = told.at(-1)
      if (name !== undefined) told.push(['field', name, text(raw)])
      else if (last?.[0] === 'field') told[told.length - 1] = ['field', last[1], last[2] + text(raw)]
      else throw new Error('More of a field that did not begin')
    },
    headerEnds: (raw, head) => void told.push(['head', text(raw), head]),
    body: (octets) => give('body', text(octets)),
    between: (octets, what) => give(what, text(octets)),
    partEnds: () => void told.push(['ends']),
  }
  const reader = new MimeReader(handler, { maxDepth })
  for (const chunk of chunks) {
    reader.write(chunk)
    // What was handed over must not be needed afterwards.
    chunk.fill(0x21)
  }
  reader.end()
  return { told, all }
}
