import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keptLog } from '../../test/doubles/kept-log.ts'
import { type Adapt, capabilitiesOf } from '../extensions/index.ts'
import { readAddress } from '../mail/address.ts'
import { reply } from '../mail/reply.ts'
import { mail } from '../transports/contract-mail.ts'
import { mailboxForms } from './mailbox-forms.ts'

type Adapted = Awaited<ReturnType<Adapt>>

const plain = mail(['Subject: x\r\n\r\nHello.\r\n'])
const permitted = { ...plain, facts: { ...plain.facts, permitsConversion: true as const } }
const demanded = { ...plain, params: { CONPERM: true as const } }
const converted: Adapted = { is: 'converted', ...mail(['HELLO']), broken: ['here.test'] }
const capabilities = capabilitiesOf(
  { 'fax@ours.test': '(type="image/tiff")', 'fax.test': '(dpi<=200)', '*': '(charset=utf-8)' },
  async ({ local }) => local !== 'alias',
)

const fitted = async (message: typeof plain, adapted: Adapted, to = 'bob@ours.test') => {
  const log = keptLog()
  const fit = mailboxForms({ capabilities, adapt: async () => adapted, clock: { now: () => 0 }, log })
  const made = await fit(message, { address: readAddress(to) }, new AsyncDisposableStack())
  return 'code' in made
    ? `${made.code} ${made.status}`
    : made === message
      ? 'as it is'
      : Buffer.concat(await Array.fromAsync(made.content())).toString()
}

test('mail that may be converted is, for mailboxes of which something is known', async () => {
  assert.equal(await fitted(plain, converted), 'as it is')
  assert.equal(await fitted(permitted, converted), 'HELLO')
  assert.equal(await fitted(demanded, converted), 'HELLO')
  assert.equal(await fitted(demanded, converted, 'alias@ours.test'), 'as it is')
  assert.equal(await fitted(demanded, { is: 'asIs' }), 'as it is')
})

test('what cannot be converted comes back under CONPERM alone, and what cannot be now is tried later', async () => {
  assert.equal(await fitted(permitted, { is: 'impossible', why: 'so' }), 'as it is')
  assert.equal(await fitted(demanded, { is: 'impossible', why: 'so' }), '554 5.6.5')
  assert.equal(await fitted(permitted, { is: 'notNow', reply: reply(452, '4.3.1', 'No room') }), '452 4.3.1')
})

test('an address comes before its domain, and that before all mailboxes', async () => {
  const tag = async (address: string) => {
    const filter = await capabilities(readAddress(address))
    return filter?.is === 'compare' ? filter.tag : undefined
  }
  assert.deepEqual(
    await Promise.all(['FAX@Ours.test', 'a@FAX.test', 'alias@fax.test', 'a@ours.test', 'alias@ours.test'].map(tag)),
    ['type', 'dpi', 'dpi', 'charset', undefined],
  )
})
