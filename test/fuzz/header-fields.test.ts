import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readHeader } from '../../src/mime/fields.ts'
import { real } from '../doubles/real-extensions.ts'

/** White space, and what patterns are tempted to try again and again. */
const HOSTILE = [' ', '\t', ', ', ';', '; ', '(', ')', '<', '"', 'a ', 'a,', 'a@', '=', '-'].map((one) =>
  one.repeat(262_144 / one.length),
)

const FIELDS = [
  'Solicitation',
  'Require-Recipient-Valid-Since',
  'MT-Priority',
  'TLS-Required',
  'From',
  'Sender',
  'Content-Convert',
]

// Quadratic work on a quarter of a megabyte takes minutes: that it ends is what is tested.
test('a header field of any text is read in time', { timeout: 60_000 }, () => {
  const envelope = { sender: null, params: {}, recipients: [{ address: { local: 'a', domain: 'b.test' }, params: {} }] }
  for (const name of FIELDS) {
    for (const text of HOSTILE) {
      const header = readHeader(Buffer.from(`${name}: x${text}x\r\n\r\n`))
      for (const { queue } of real) {
        const { recipients } = queue?.fromHeader?.(envelope, header) ?? envelope
        assert.equal(recipients.length, 1)
      }
    }
  }
})
