import assert from 'node:assert/strict'
import { test } from 'node:test'
import { manualClock } from '../../test/doubles/manual-clock.ts'
import { inspector } from '../mime/inspect.ts'
import { silentLog } from '../observe/log.ts'
import { memorySpool } from '../spool/memory.ts'
import { type Deposit, deposit } from './deposit.ts'

test('a trace field in UTF-8 is among the facts, whether the header is edited or not', async () => {
  const edits: Deposit['edits'][] = [[], [{ field: 'add', name: 'X-New', value: '1' }]]
  for (const edit of edits) {
    for (const [local, raw] of [
      ['jürgen', { utf8: true, unknown: false, fields: [{ name: 'Received', depth: 0 }] }],
      ['juergen', undefined],
    ] as const) {
      const spool = memorySpool({ clock: manualClock() })
      const draft = spool.open()
      const body = Buffer.from('Subject: x\r\n\r\nbody\r\n')
      await draft.write(body)
      const look = inspector({ maxHeader: 1000 })
      look.write(body)
      const mail: Deposit = {
        sender: null,
        params: {},
        recipients: [{ address: { local, domain: 'example.test' }, params: {}, lane: null }],
        ...look.end(),
        edits: edit,
        marks: [{ prefix: 'UTF8' }],
        extended: true,
        schedule: {},
        accepted: 0,
        origin: { listener: 'mx', peer: '192.0.2.1', helo: 'client.example', kind: 'smtp' },
      }
      await deposit(draft, mail, { hostname: 'mx.example.test', hops: 100, log: silentLog })
      const claim = await spool.claim({
        owner: 'test',
        now: 0,
        leaseUntil: 1,
        most: 1,
        mostRecipients: 1,
        mostPerLane: 1,
      })
      const message = claim[0]?.message
      assert.ok(message)
      assert.deepEqual(message.facts.rawHeaders, raw)
      assert.equal(message.facts.eightBitHeader, raw !== undefined)
      assert.equal(message.facts.encoding, raw ? '8bit' : '7bit')
      const { headerOctets, octets } = message.facts
      assert.equal(message.octets - octets + headerOctets, message.octets - 'body\r\n'.length)
    }
  }
})
