import assert from 'node:assert/strict'
import { test } from 'node:test'
import { manualClock } from '../../test/doubles/manual-clock.ts'
import { mail, recipients } from './contract-mail.ts'
import { discardTransport } from './discard.ts'
import type { Outcome } from './transport.ts'

test('takes everything, reads nothing, and says so in the log', async () => {
  const told: unknown[] = []
  const clock = manualClock()
  const log = { event: (...all: unknown[]) => void told.push(all) }
  const transport = discardTransport({ name: 'null', clock, log })
  const message = mail([], { content: () => assert.fail('was read') })
  const to = { to: 'mailbox', transport: 'null', mailbox: { user: 'x', home: '/x' } } as const
  const outcomes: Outcome[] = []
  const job = { message, recipients: recipients('a@b.test', 'c@d.test'), to }
  await transport.deliver(job, new AbortController().signal, (one) => outcomes.push(one))
  const diagnosis = { code: 250, status: '2.0.0', lines: ['Discarded'], by: 'local', at: clock.now() }
  assert.deepEqual(outcomes, [
    { of: 7, diagnosis, event: 'delivered' },
    { of: 10, diagnosis, event: 'delivered' },
  ])
  assert.deepEqual(told, [
    ['info', 'discarded', { id: message.id, transport: 'null', recipient: 'a@b.test' }],
    ['info', 'discarded', { id: message.id, transport: 'null', recipient: 'c@d.test' }],
  ])
  await transport.close()
})
