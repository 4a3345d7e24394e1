import { faultFor7bit } from '../corpus/conversion.ts'

/** A message before and behind an MTA, one character an octet. */
export interface Passage {
  readonly sent: string
  /** What the hop got; absent: it came back, with the status `bounced`. */
  readonly got?: string
  readonly bounced?: string
  /** What the hop got from Smail. */
  readonly smail?: string
  /** What Python's `email` package reads otherwise in `got` than in `sent`. */
  readonly misread: readonly string[]
}

type Got = Passage & { readonly got: string }

const lines = (text: string): readonly string[] => text.split('\r\n')

/** In an order of their own, without what only Sendmail adds: for those who move fields. */
const sorted = (text: string): string =>
  lines(text)
    .filter((line) => !line.startsWith('X-MIME-Autoconverted:'))
    .sort()
    .join('\r\n')

const parts = (text: string): readonly string[] => text.split(/^--.*\r\n/m)

const isRaw = (text: string): boolean => /[\x80-\xff]/.test(text)

const fits = ({ got }: Got): boolean => faultFor7bit(Buffer.from(got, 'latin1')) === undefined

const labels = (text: string): readonly string[] =>
  [...text.matchAll(/^Content-Transfer-Encoding: *(\S+)/gim)].map(([, label = '']) => label.toLowerCase())

const isLabelled8bit = (text: string): boolean => labels(text).some((label) => /^(8bit|binary)$/.test(label))

/** Labels that were not there before, those apart that say that nothing is encoded. */
const encodings = ({ sent, got }: Got): readonly string[] => {
  const before = [...labels(sent)]
  return labels(got).filter((label) => {
    const at = before.indexOf(label)
    if (at >= 0) before.splice(at, 1)
    return at < 0 && label !== '7bit'
  })
}

/** Parts that became so, all of them, and read as before. */
const encoded = (passage: Got, encoding: string): boolean => {
  const found = encodings(passage)
  return fits(passage) && passage.misread.length === 0 && found.length > 0 && found.every((one) => one === encoding)
}

const unescaped = (text: string): string =>
  text.replace(/=\r\n|=([\dA-F]{2})/g, (_, hex?: string) => (hex ? String.fromCharCode(Number.parseInt(hex, 16)) : ''))

const unfolded = (text: string): string => text.replace(/\r\n(?=[ \t])/g, '')

/** By something that was put in. */
const isCut = ({ sent, got }: Got, by: RegExp): boolean => got !== sent && got.replace(by, '') === sent.replace(by, '')

const cut7 = (text: string): string =>
  text.replace(/[\x80-\xff]/g, (octet) => String.fromCharCode(octet.charCodeAt(0) & 0x7f))

const changed = ({ sent, got }: Got, form: (part: string) => string): number => {
  const before = parts(sent).map(form)
  const after = parts(got).map(form)
  return before.length === after.length ? after.filter((part, index) => part !== before[index]).length : Number.NaN
}

const isClosed = (text: string): boolean => text.includes(`\r\n--${/boundary="?([^"\r\n;]+)/i.exec(text)?.[1]}--`)

const body = (text: string): string => text.slice(text.indexOf('\r\n\r\n') + 4)

const header = (text: string): string => text.slice(0, text.indexOf('\r\n\r\n'))

/** The lines of the part that was base64 before. */
const base64Lines = ({ sent }: Got): readonly string[] =>
  lines(body(parts(sent).find((part) => /^Content-Transfer-Encoding: base64/im.test(part)) ?? '')).filter(
    (line) => line !== '',
  )

const rawParts = (text: string): number => parts(text).filter(isRaw).length

/** What can become of a message that arrives, as the table says it. */
const ARRIVALS = {
  'quoted-printable': (one) => encoded(one, 'quoted-printable'),
  base64: (one) => encoded(one, 'base64'),
  'the same octets': ({ got, smail }) => got === smail,
  'sent raw': ({ sent, got }) => isRaw(got) && sorted(got) === sorted(sent),
  'sent raw, one field dropped': ({ sent, got }) =>
    isRaw(got) && body(got) === body(sent) && lines(got).length === lines(sent).length - 1,
  'NUL sent': ({ sent, got }) => got.includes('\0') && sorted(got) === sorted(sent),
  '`unknown-8bit`, quoted-printable': (one) =>
    encoded(one, 'quoted-printable') && /charset=unknown-8bit/.test(header(one.got)) && !/charset/.test(one.sent),
  'a line break and a blank put in': (one) => fits(one) && isCut(one, /(?<!!)\r\n /g),
  '`!`, a line break and a blank put in': (one) => fits(one) && isCut(one, /!\r\n /g),
  'cut within a message id': (one) => fits(one) && isCut(one, /!?\r\n /g) && /<[^>]*\r\n /.test(header(one.got)),
  'folded at white space': (one) => fits(one) && one.got !== one.sent && unfolded(one.got) === unfolded(one.sent),
  'quoted-printable, line ends encoded': (one) => encoded(one, 'quoted-printable') && one.got.includes('=0D=0A'),
  'quoted-printable, line ends not': (one) => encoded(one, 'quoted-printable') && !one.got.includes('=0D=0A'),
  'one part changed': (one) => encoded(one, 'quoted-printable') && changed(one, (part) => part) === 1,
  'one part changed, fields in another order': (one) =>
    encoded(one, 'quoted-printable') && changed(one, sorted) === 1 && changed(one, (part) => part) > 1,
  'ASCII parts labelled 7bit': (one) =>
    encoded(one, 'quoted-printable') && !isLabelled8bit(one.got) && encodings(one).length === rawParts(one.sent),
  'ASCII parts labelled quoted-printable': (one) =>
    encoded(one, 'quoted-printable') && !isLabelled8bit(one.got) && encodings(one).length > rawParts(one.sent),
  'labels of ASCII parts left': (one) =>
    encodings(one).length === rawParts(one.sent) && isLabelled8bit(one.got) && fits(one),
  escaped: (one) => fits(one) && unescaped(one.got) === one.sent,
  'the highest bit cut off': (one) =>
    fits(one) &&
    isRaw(one.sent) &&
    lines(one.sent).every((line) => !isRaw(line) || lines(one.got).includes(cut7(line))),
  'left open': (one) => encodings(one).length > 0 && fits(one) && !isClosed(one.got),
  closed: (one) => fits(one) && !isClosed(one.sent) && isClosed(one.got),
  'its parts encoded, the label left': (one) =>
    encoded(one, 'quoted-printable') && labels(header(one.got)).join() === labels(header(one.sent)).join(),
  'encoded inside, the message labelled 7bit': (one) =>
    encoded(one, 'quoted-printable') && labels(one.got).length === labels(one.sent).length && !isLabelled8bit(one.got),
  'base64 inside, the label taken away': (one) =>
    encoded(one, 'base64') && labels(one.got).length === labels(one.sent).length - 1,
  'left as it is': (one) => fits(one) && base64Lines(one).length > 0 && one.got.includes(base64Lines(one).join('\r\n')),
  'its first line lost': (one) =>
    fits(one) &&
    base64Lines(one).length > 1 &&
    base64Lines(one).every((line, index) => one.got.includes(line) === index > 0),
  'encoded as a whole': (one) =>
    fits(one) && /^Content-Type: message\/global.*\r\nContent-Transfer-Encoding: quoted-printable/m.test(one.got),
  'encoded, signature broken': (one) =>
    encoded(one, 'quoted-printable') &&
    /^Content-Type: multipart\/signed/m.test(one.got) &&
    changed(one, (part) => part) > 0,
  mended: (one) => fits(one) && one.misread.length === 0 && one.got !== one.sent && encodings(one).length === 0,
  'base64 over quoted-printable': ({ sent, got }) => Buffer.from(body(got), 'base64').toString('latin1') === body(sent),
  'encoded word': (one) =>
    fits(one) && /^Subject: =\?unknown-8bit\?Q\?/m.test(one.got) && body(one.got) === body(one.sent),
} as const satisfies Record<string, (passage: Got) => boolean>

export type Outcome = keyof typeof ARRIVALS | `5.6.${number}`

/** Whether this is what became of the message. */
export const isOutcome = (outcome: Outcome, passage: Passage): boolean => {
  const { got } = passage
  if (got === undefined) return passage.bounced === outcome
  return outcome in ARRIVALS && ARRIVALS[outcome as keyof typeof ARRIVALS]({ ...passage, got })
}

/** All that can be said of it. */
export const outcomesOf = (passage: Passage): readonly string[] =>
  passage.got === undefined
    ? [passage.bounced ?? 'nothing']
    : (Object.keys(ARRIVALS) as (keyof typeof ARRIVALS)[]).filter((one) => isOutcome(one, passage))
