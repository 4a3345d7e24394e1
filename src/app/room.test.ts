import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addressTable } from '../../test/doubles/address-table.ts'
import { manualClock } from '../../test/doubles/manual-clock.ts'
import { readSettings } from '../config/load.ts'
import { thisMachine } from '../config/machine.ts'
import type { Settings } from '../config/settings.ts'
import { readAddress } from '../mail/address.ts'
import { reply } from '../mail/reply.ts'
import { silentLog } from '../observe/log.ts'
import type { Transport } from '../transports/transport.ts'
import { extensionSchemas } from './extensions.ts'
import { type Free, roomFor } from './room.ts'

const settings = (text: string): Settings => {
  const loaded = readSettings(text, 'smail.yaml', thisMachine({ HOME: '/home/x' }), extensionSchemas)
  assert.ok('settings' in loaded, 'faults' in loaded ? String(loaded.faults) : '')
  return loaded.settings
}

const QUOTA = 'directors: { users: { users: { from: { names: [bob] }, quota: 1KiB } } }\n'

const world = (text: string, free: Free = async () => 1000) => {
  const clock = manualClock()
  const asked: string[] = []
  const local: Transport = {
    name: 'local',
    limits: { perDestination: 1, recipientsPerDelivery: 1 },
    async deliver() {},
    async refuses({ user }, octets) {
      asked.push(`${user} ${octets}`)
      if (user === 'broken') throw new Error('cannot be read')
      return octets > 10 ? reply(452, '4.2.2', 'Full') : undefined
    },
    async close() {},
  }
  const resolver = addressTable({
    'one@ours.example': ['bob@ours.example'],
    'many@ours.example': ['bob@ours.example', 'carol@ours.example'],
    'lost@ours.example': new Error('no answer'),
  })
  const transports = new Map([['local', local]])
  return { clock, asked, room: roomFor(settings(text), { resolver, transports, clock, log: silentLog, free }) }
}

test('the disk of the spool, but for what is to stay free; looked at once a second at most while there is plenty', async () => {
  let free = 1000
  let looks = 0
  const { room, clock } = world('spool: { sqlite: { path: /spool, keep-free: 100 } }\n', async (folder) => {
    assert.equal(folder, '/spool')
    looks += 1
    return free
  })
  const fits = (octets: number) => room.forMessage?.(octets)
  assert.deepEqual([await fits(901), await fits(500), looks], [false, true, 1 + 0])
  // 400 are left of what was found, and a look finds 900.
  assert.deepEqual([await fits(400), looks], [true, 1])
  assert.deepEqual([await fits(900), looks], [true, 2])
  free = 100
  assert.deepEqual([await fits(0), await fits(1), looks], [false, false, 4])
  free = 5000
  assert.equal(await fits(10), true)
  free = 0
  assert.equal(await fits(10), true)
  await clock.advance(1000)
  assert.equal(await fits(10), false)
})

test('a disk that cannot be asked is no reason to refuse mail', async () => {
  const { room } = world('spool: { sqlite: { path: /spool } }\n', () => Promise.reject(new Error('ENOENT')))
  assert.equal(await room.forMessage?.(1e18), true)
})

test('a spool in memory has no bound that anybody knows', () => {
  assert.equal(world('spool: { memory: {} }\n').room.forMessage, undefined)
})

test('mailboxes are asked where there are quotas, also behind an alias for one', async () => {
  const { room, asked } = world(QUOTA)
  const why = async (address: string, octets: number) => (await room.whyNotFor?.(readAddress(address), octets))?.status
  assert.equal(await why('bob@ours.example', 11), '4.2.2')
  assert.equal(await why('bob@ours.example', 10), undefined)
  assert.equal(await why('one@ours.example', 11), '4.2.2')
  assert.deepEqual(asked, ['bob 11', 'bob 10', 'bob 11'])
  assert.equal(await why('many@ours.example', 11), undefined)
  assert.equal(await why('x@elsewhere.example', 11), undefined)
  assert.equal(await why('lost@ours.example', 11), undefined)
  assert.equal(await why('broken@ours.example', 11), undefined)
  assert.equal(world('').room.whyNotFor, undefined)
})
