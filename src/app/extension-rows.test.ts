import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as extensions from '../extensions/index.ts'
import type { Extension } from '../smtp/extension.ts'
import { extensionRows } from './extension-rows.ts'

const noTls = { asServer: async () => assert.fail(), asClient: async () => assert.fail() }
const mx: readonly Extension[] = [
  extensions.startTls(noTls),
  extensions.pipelining(),
  extensions.size(1000),
  extensions.eightBitMime(),
  extensions.chunking(),
  extensions.binaryMime(),
  extensions.dsn(),
  extensions.help(),
  extensions.expn(
    async () => undefined,
    () => false,
  ),
  extensions.vrfy(
    async () => 'known',
    () => true,
  ),
]
const store: readonly Extension[] = [extensions.lmtp(), extensions.size(1000)]
const rows = extensionRows(
  new Map([
    [
      'mx',
      {
        extensions: mx,
        whyNot: new Map([
          ['lmtp', 'it is spoken at lmtp listeners'],
          ['expn', 'nobody is allowed'],
        ]),
      },
    ],
    ['store', { extensions: store, whyNot: new Map() }],
  ]),
  mx,
  [extensions.prdr()],
  [
    { name: 'mx', protocol: 'smtp' },
    { name: 'store', protocol: 'lmtp' },
  ],
)

test('what a relay does with each is said, and where each is offered', () => {
  assert.deepEqual(
    rows.map(({ keyword, relay, listeners }) => [keyword, relay, listeners['mx'], listeners['store']]),
    [
      ['PRDR', 'asked for where it is offered, with several recipients; else one reply is for all', 'off', 'off'],
      ['STARTTLS', 'from hop to hop', 'offered before TLS', 'off'],
      ['PIPELINING', 'from hop to hop', 'offered', 'off'],
      ['SIZE', 'the exact size is told; hops that take less are passed over (5.3.4)', 'offered', 'offered'],
      ['8BITMIME', 'BODY=8BITMIME where it is offered; else converted, or 5.6.3', 'offered', 'off'],
      ['CHUNKING', 'from hop to hop', 'offered', 'off'],
      ['BINARYMIME', 'BODY=BINARYMIME by BDAT where it is offered; else converted, or 5.6.3', 'offered', 'off'],
      ['DSN', 'passed on; else success is reported as relayed, and NEVER goes without a sender', 'offered', 'off'],
      ['HELP', 'nothing', 'offered', 'off'],
      ['EXPN', 'nothing', 'not offered: nobody is allowed', 'off'],
      ['VRFY', 'nothing', 'silent', 'off'],
      ['LMTP', 'from hop to hop', 'off: it is spoken at lmtp listeners', 'silent'],
    ],
  )
})

test('each listener is told with what it speaks', () => {
  for (const { protocols } of rows) assert.deepEqual(protocols, { mx: 'smtp', store: 'lmtp' })
})
