import fc from 'fast-check'

/** One character per octet, CRLF line ends but for what is random. */
type Octets = string

const pick = <T>(...values: readonly T[]) => fc.constantFrom(...values)

const latin1 = (text: string): Octets => Buffer.from(text).toString('latin1')

const piece = pick(
  'a',
  'word ',
  ' ',
  '\t',
  '=',
  '=3D',
  '=\r\n',
  '= \n',
  '=\n',
  '\r\n',
  '\r\n',
  '\r\n\r\n',
  '\r',
  '\n',
  '\0',
  '.',
  '--',
  '-',
  '\r\n--b',
  'From ',
  'x'.repeat(75),
  'y'.repeat(1000),
  ' z'.repeat(500),
  'SGVsbG8=\r\n',
  'Q'.repeat(76),
  latin1('Grüße '),
  latin1('Привет мир '),
  '\xe9',
  '\xff\xfe',
  '\x1b',
)

const plainPiece = pick(
  'a',
  'word ',
  ' ',
  '=',
  '=3D',
  '\r\n',
  '\r\n',
  '.',
  '--',
  'From ',
  'x'.repeat(75),
  'SGVsbG8=\r\n',
)

const octets = fc.uint8Array({ maxLength: 300 }).map((all) => Buffer.from(all).toString('latin1'))

const base64 = fc.oneof(
  octets.map((all) =>
    (
      Buffer.from(all, 'latin1')
        .toString('base64')
        .match(/.{1,76}/g) ?? []
    ).join('\r\n'),
  ),
  octets.map((all) => Buffer.from(all.repeat(4), 'latin1').toString('base64')),
)

/** Not quite as it ought to be, but there is but one way to read it. */
const quoted = fc
  .array(
    pick(
      'a',
      'word ',
      '=3D',
      '=\r\n',
      '=E9',
      '.\r\n',
      '\r\n',
      '\xe9',
      latin1('größer'),
      'x'.repeat(90),
      ' z'.repeat(500),
    ),
    { maxLength: 40 },
  )
  .map((all) => all.join(''))

const text = fc.oneof(
  { weight: 4, arbitrary: fc.array(piece, { maxLength: 40 }).map((all) => all.join('')) },
  { weight: 3, arbitrary: fc.array(plainPiece, { maxLength: 40 }).map((all) => all.join('')) },
  { weight: 2, arbitrary: octets },
  { weight: 1, arbitrary: base64 },
)

/** With lines in it that are delimiters of something. */
const oddText = fc
  .tuple(text, pick('\r\n--b0', '\n--b1\n', '\r\n--b2 x\r\n', '\r\n--b0--\r\n', '\r\n--b1\r\n'), text)
  .map((all) => all.join(''))

const labelled = (label: string): string => (label === '' ? '' : `Content-Transfer-Encoding: ${label}\r\n`)

const type = pick(
  '',
  '',
  'Content-Type: text/plain; charset=utf-8\r\n',
  'Content-Type: text/plain\r\n',
  'Content-Type: TEXT/HTML;\r\n\tcharset="iso-8859-1"\r\n',
  'Content-Type: application/octet-stream\r\n',
  'Content-Type: image/png; name="\xe9.png"\r\n',
  `Content-Type: image/png; name="${latin1('Übersicht')}.png"\r\n`,
  'Content-Type: nonsense\r\n',
)

const oddType = pick(
  'Content-Type: message/partial; id=x; number=1\r\n',
  'Content-Type: message/external-body; access-type=x\r\n',
  'Content-Type: message/delivery-status\r\n',
  'Content-Type: application/pkcs7-mime\r\n',
  'Content-Type: multipart/mixed\r\n',
  'Content-Type: text/pl\xe4in\r\n',
)

const encoding = pick('', '', '7bit', '8bit', '8bit', 'binary').map((label) => labelled(label))

const oddEncoding = pick(
  'Content-Transfer-Encoding: base64\r\n',
  'Content-Transfer-Encoding: x-uuencode\r\n',
  'Content-Transfer-Encoding: 7bit\r\nContent-Transfer-Encoding: 8bit\r\n',
  'Content-Transfer-Encoding: 8bit\r\nX: y\r\nContent-transfer-encoding : base64 (c)\r\n',
  'Content-Transfer-Encoding: Binary\r\nContent-Transfer-Encoding: BINARY\r\n',
  'Content-Transfer-Encoding:\r\n 8bit\r\n',
  'Content-Transfer-Encoding:\r\n',
)

const field = pick(
  'Subject: hello\r\n',
  'Subject: gr\xfc\xdfe\r\n',
  latin1('Subject: Grüße aus Köln, und noch viel mehr Text, damit es nicht in eine Zeile geht\r\n'),
  'From: J\xfcrgen <j@x.example>\r\n',
  latin1('To: "Müller, Ü" <m@x.example>, (ä) <n@y.example>\r\n'),
  'MIME-Version: 1.0\r\n',
  'Received: from b\xfcro by x\r\n',
  `X-Long: ${'word '.repeat(300)}end\r\n`,
  'X-Empty:\r\n',
)

const stray = pick('no field here\r\n', 'nor h\xe9re\r\n', ' continued \xe9\r\n')

const oddField = pick(
  'Subject: a\0b\r\n',
  'Subject: a\rb\r\n',
  'Subject: a\nb\r\n',
  'To: \xe9@x.example\r\n',
  `X-Long: ${'w'.repeat(1200)}\r\n`,
)

/** A boundary that occurs in what is enclosed would have the parts read otherwise than they were put together. */
const unused = (mark: string, enclosed: Octets): string =>
  enclosed.includes(`--${mark}`) ? unused(`${mark}x`, enclosed) : mark

export interface MimeTrees {
  /** Nothing is in them for which a message may be refused. */
  readonly right: fc.Arbitrary<Octets>
  /** These, moreover, every reader of MIME reads alike. */
  readonly clear: fc.Arbitrary<Octets>
  /** Anything is. */
  readonly any: fc.Arbitrary<Octets>
}

const trees = (which: keyof MimeTrees): fc.Arbitrary<Octets> => {
  const [odd, clear] = [which === 'any', which === 'clear']
  const oddly = <T>(usual: fc.Arbitrary<T>, other: fc.Arbitrary<T>) =>
    odd ? fc.oneof({ weight: 12, arbitrary: usual }, { weight: 1, arbitrary: other }) : usual
  const usual = clear ? field : fc.oneof({ weight: 9, arbitrary: field }, { weight: 3, arbitrary: stray })
  const fields = fc.array(oddly(usual, oddField), { maxLength: 4 }).map((all) => all.join(''))
  const boundary = clear ? fc.uuid() : pick('b0', 'b1', 'b2', 'b 3', 'b-', 'b4'.repeat(30))
  const between = oddly(pick('', '', '\r\n', 'text = \r\n', latin1('Präambel = x\r\n')), fc.oneof(text, oddText))
  const { tree } = fc.letrec<{ tree: Octets; leaf: Octets; multipart: Octets; message: Octets }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 5, depthSize: 'small', withCrossShrink: true },
      tie('leaf'),
      tie('multipart'),
      tie('message'),
    ),
    leaf: fc
      .tuple(
        fields,
        oddly(type, oddType),
        fc.oneof(
          { weight: 6, arbitrary: fc.tuple(oddly(encoding, oddEncoding), oddly(text, oddText)) },
          { weight: 1, arbitrary: fc.tuple(fc.constant(labelled('quoted-printable')), clear ? quoted : text) },
          { weight: 1, arbitrary: fc.tuple(fc.constant(labelled('base64')), base64) },
        ),
      )
      .map(([some, kind, [label, body]]) => `${some}${kind}${label}\r\n${body}`),
    message: fc
      .tuple(fields, pick('rfc822', 'global'), pick('', '8bit', 'binary', '7bit'), tie('tree'))
      .map(([some, kind, label, within]) => `${some}Content-Type: message/${kind}\r\n${labelled(label)}\r\n${within}`),
    multipart: fc
      .record({
        some: fields,
        kind: oddly(pick('mixed', 'alternative', 'report'), pick('digest', 'signed', 'encrypted')),
        label: oddly(pick('', '', '8bit', 'binary', '7bit'), pick('base64', 'quoted-printable')),
        mark: boundary,
        preamble: between,
        parts: fc.array(tie('tree'), { minLength: clear ? 1 : 0, maxLength: 4 }),
        epilogue: between,
        closed: odd ? fc.boolean() : fc.constant(true),
        padding: pick('', '', ' \t'),
      })
      .map(({ some, kind, label, mark: any, preamble, parts, epilogue, closed, padding }) => {
        const mark = odd ? any : unused(any, [preamble, ...parts, epilogue].join('\n'))
        return (
          `${some}Content-Type: multipart/${kind}; boundary="${mark}"\r\n${labelled(label)}\r\n${preamble}` +
          `${parts.map((part) => `\r\n--${mark}${padding}\r\n${part}`).join('')}${closed ? `\r\n--${mark}--\r\n${epilogue}` : ''}`
        )
      }),
  }))
  return tree
}

/** Messages for conversion, with multiparts, enclosed messages and leaves of random octets. */
export const mimeTrees: MimeTrees = { right: trees('right'), clear: trees('clear'), any: trees('any') }
