import type { Outcome } from './outcomes.ts'

/** With the number of a note below the table. */
type Cell = Outcome | readonly [Outcome, note: number]

type Row = readonly [smail: Cell, postfix: Cell, sendmail: Cell]

/** Those that the table and the figures are of. */
export const VERSIONS = { postfix: '3.7.11', sendmail: '8.17.1' } as const

/**
 * What 24 messages of the corpus become on their way to a host that announces nothing. `docs/8bitmime.md` has it as a table
 * with notes.
 */
export const COMPARISON: Readonly<Record<string, Row>> = {
  'text-utf8-8bit': ['quoted-printable', 'the same octets', ['base64', 1]],
  'text-hard-lines': ['quoted-printable', ['quoted-printable', 2], ['quoted-printable', 2]],
  'text-koi8r': ['base64', ['quoted-printable', 3], 'base64'],
  'text-no-encoding-field': ['quoted-printable', ['sent raw', 4], ['base64', 1]],
  'nonmime-latin1': ['`unknown-8bit`, quoted-printable', ['sent raw', 4], '`unknown-8bit`, quoted-printable'],
  'text-long-lines-ascii': [
    'quoted-printable',
    ['a line break and a blank put in', 5],
    ['`!`, a line break and a blank put in', 5],
  ],
  'text-nul': ['quoted-printable', 'the same octets', ['NUL sent', 6]],
  'attachment-octets-8bit': ['base64', ['quoted-printable', 3], 'base64'],
  'attachment-json-in-part': [
    'quoted-printable, line ends encoded',
    ['quoted-printable, line ends not', 7],
    ['quoted-printable, line ends not', 7],
  ],
  'multipart-mixed-some-parts': [
    'one part changed',
    'one part changed',
    ['one part changed, fields in another order', 8],
  ],
  'multipart-labels-8bit-and-binary': [
    'ASCII parts labelled 7bit',
    ['ASCII parts labelled quoted-printable', 9],
    ['labels of ASCII parts left', 9],
  ],
  'multipart-preamble-epilogue-8bit': ['escaped', ['sent raw', 10], ['the highest bit cut off', 10]],
  'multipart-no-closing-boundary': ['left open', 'the same octets', ['closed', 11]],
  'multipart-nested-50-deep': ['quoted-printable', 'the same octets', ['the highest bit cut off', 12]],
  'multipart-label-base64': ['its parts encoded, the label left', 'the same octets', ['sent raw', 13]],
  'message-forwarded-8bit': [
    'encoded inside, the message labelled 7bit',
    'the same octets',
    'base64 inside, the label taken away',
  ],
  'message-base64': ['left as it is', 'the same octets', ['its first line lost', 14]],
  'message-global': ['5.6.9', ['encoded as a whole', 15], 'sent raw'],
  'message-partial-8bit': ['5.6.3', ['sent raw', 16], ['sent raw', 16]],
  'signed-pgp-8bit': ['5.6.3', ['encoded, signature broken', 17], ['sent raw', 17]],
  'cte-qp-with-raw-octets': ['mended', ['sent raw', 4], ['sent raw', 4]],
  'cte-twice-conflict': ['5.6.3', ['sent raw, one field dropped', 18], ['base64 over quoted-printable', 18]],
  'header-subject-latin1': ['encoded word', ['sent raw', 19], ['sent raw', 19]],
  'header-references-too-long': [
    'folded at white space',
    ['cut within a message id', 5],
    ['cut within a message id', 5],
  ],
}

export const outcomeIn = (cell: Cell): Outcome => (typeof cell === 'string' ? cell : cell[0])

/** Of the messages of the corpus that cannot go to such a host as they are; `unfit`: sent on all the same. */
export const FIGURES = {
  all: 190,
  smail: { converted: 157, back: 33 },
  postfix: { unfit: 76, back: 1, refused: 0 },
  sendmail: { unfit: 56, back: 0, refused: 14 },
} as const

/** As `docs/8bitmime.md` has it. */
export const table = (): string => {
  const said = (cell: Cell): string => (typeof cell === 'string' ? cell : `${cell[0]} (${cell[1]})`)
  const rows = Object.entries(COMPARISON).map(([name, cells]) => `| \`${name}\` | ${cells.map(said).join(' | ')} |`)
  return ['| message | Smail | Postfix | Sendmail |', '|---|---|---|---|', ...rows].join('\n')
}

/** Sentences of `docs/8bitmime.md`, wherever their lines end there. */
export const sentences = (): readonly string[] => {
  const { all, smail, postfix, sendmail } = FIGURES
  return [
    `as Postfix ${VERSIONS.postfix} and Sendmail ${VERSIONS.sendmail} (Debian 12,`,
    `Of the whole corpus, ${all} messages cannot go to such a host as they are. Smail converts ${smail.converted} of them,`,
    `and sends ${smail.back} back. Postfix sends ${postfix.unfit} on raw and ${postfix.back} back, Sendmail ${sendmail.unfit} and ${sendmail.back};`,
    `${sendmail.refused} with a CR or LF alone Sendmail refuses on arrival,`,
  ]
}
