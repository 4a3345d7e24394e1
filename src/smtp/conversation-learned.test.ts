import assert from 'node:assert/strict'
import { test } from 'node:test'
import { outbound, withHop } from '../../test/doubles/outbound.ts'
import { conNeg, limits } from '../extensions/index.ts'

const fine = 'S: 250 2.0.0 fine\n'
const hello = 'S: 220 hop\nC: EHLO me.test\nS: 250-hop\nS: 250-LIMITS MAILMAX=1\nS: 250 CONNEG\n'
const asked = `C: MAIL FROM:<me@here.test>\n${fine}C: RCPT TO:<a@there.test> CONNEG\nS: 250-ok\n`
const taken = `C: DATA\nS: 354 go\nC: …body\n${fine}`

const text = 'Content-Convert: ANY\r\n\r\nHello.\r\n'
const mail = outbound({ text })

const adapt = async () => ({
  is: 'converted' as const,
  facts: mail.facts,
  broken: [],
  async *content() {
    yield Buffer.from(text.toUpperCase())
  },
})

test('a hop that takes one mail on a connection is told the better one on the next, by what it said before', async () => {
  const extensions = [limits(), conNeg(undefined, adapt)]
  const { bodies: none } = await withHop(
    `${hello}${asked}S: 250 CONNEG (charset=utf-8)\n`,
    extensions,
    async (talk) => {
      assert.deepEqual(await talk.sendSome(mail), { told: [], back: [10] })
    },
  )
  assert.deepEqual(none, [])
  // It has changed its mind, and is not asked for ever.
  const { bodies } = await withHop(
    `${hello}${asked}S: 250 CONNEG (charset=us-ascii)\n${taken}`,
    extensions,
    async (talk) => {
      assert.deepEqual(await talk.sendSome(mail), { told: ['10 250 2.0.0'], back: [] })
    },
  )
  assert.deepEqual(bodies, [text.toUpperCase()])
})

test('who waits before DATA may meanwhile find that the mail cannot be read', async () => {
  const fault = conNeg(undefined, () => Promise.reject(new Error('a broken disk')))
  const script = `${hello}${asked}S: 250 CONNEG (charset=utf-8)\nC: …closed\nX: leave\n`
  await assert.rejects(
    withHop(script, [limits(), fault], async (talk) => void (await talk.send(mail))),
    /a broken disk/,
  )
})
