import assert from 'node:assert/strict'
import { test } from 'node:test'
import { manualClock } from '../../../test/doubles/manual-clock.ts'
import type { Transaction } from '../../smtp/extension.ts'
import { memorySpool } from '../../spool/memory.ts'
import type { PartialBody, Partials } from '../../spool/partials.ts'
import { SpoolError } from '../../spool/spool.ts'
import { type Client, Upload } from './upload.ts'

const HOUR = 3_600_000
const LINE = Buffer.from('a line of twenty!!\r\n')

const limits = { keep: HOUR, every: 1, mostPartials: 10, most: 100_000, mostOfAll: 1_000_000 }

const client = (more: Partial<Client> = {}): Client => ({
  identity: undefined,
  peer: '192.0.2.1',
  greeting: { verb: 'EHLO', name: 'client.example', extended: true },
  ahead: false,
  extensions: [],
  grammar: () => ({ utf8: false, binaryBody: false }),
  ...more,
})

const sender = { local: 'a', domain: 'client.example' }
const transaction: Transaction = { kind: 'MAIL', begun: 0, sender, params: {}, recipients: [] }

const world = () => {
  const clock = manualClock()
  const spool = memorySpool({ clock })
  const upload = (who: Client, partials: Partials = spool.partials) =>
    new Upload(who, '<1@client.example>', { sender, params: {} }, { partials, limits, now: clock.now })
  /** Some lines come, and the connection breaks. */
  const breakOff = async (who: Client, lines: number, partials?: Partials) => {
    const one = upload(who, partials)
    for (let line = 1; line <= lines; line += 1) await one.take(line * LINE.length, LINE, transaction)
    await one.close()
  }
  const offset = async (who: Client) => (await upload(who).find())?.offset
  return { clock, spool, breakOff, offset, upload }
}

test('whoever is at another address, or proved to be somebody else, does not get it', async () => {
  const { breakOff, offset } = world()
  await breakOff(client(), 3)
  assert.equal(await offset(client({ peer: '192.0.2.2' })), undefined)
  assert.equal(await offset(client({ identity: 'ann' })), undefined)
  assert.equal(await offset(client({ identity: '192.0.2.1' })), undefined)
  assert.equal(await offset(client()), 60)
  await breakOff(client({ identity: 'ann' }), 2)
  assert.equal(await offset(client({ identity: 'bob' })), undefined)
  assert.equal(await offset(client({ identity: 'ann', peer: '192.0.2.9' })), 40)
})

test('it is kept for its time, and swept then', async () => {
  const { clock, spool, breakOff, offset } = world()
  await breakOff(client(), 3)
  await clock.advance(HOUR - 1)
  await spool.sweep(clock.now())
  assert.equal(await offset(client()), 60)
  await clock.advance(1)
  await spool.sweep(clock.now())
  assert.equal(await offset(client()), undefined)
})

test('a disk that is full while it grows costs what did not fit, and nothing else', async () => {
  const { spool, breakOff, offset } = world()
  const partials: Partials = {
    find: (...asked) => spool.partials.find(...asked),
    drop: (name) => spool.partials.drop(name),
    forget: (name) => spool.partials.forget(name),
    begin: async (...asked) => fullAfter(2, await spool.partials.begin(...asked)),
  }
  await breakOff(client(), 5, partials)
  assert.equal(await offset(client()), 40)
})

const fullAfter = (writes: number, partial: PartialBody): PartialBody => {
  let left = writes
  return new Proxy(partial, {
    get(target, name) {
      if (name === 'write' && left-- <= 0) throw new SpoolError('full', 'no room')
      const value = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

test('a client may leave so much behind, and its further mail comes in without', async () => {
  const { breakOff, offset, upload } = world()
  await breakOff(client(), 5000)
  const kept = (await offset(client())) ?? 0
  assert.ok(kept > 90_000 && kept < 100_000 && kept % LINE.length === 0, `${kept}`)
  const greeting = { verb: 'EHLO', name: 'other.example', extended: true }
  await breakOff(client({ greeting }), 1)
  assert.equal(await offset(client({ greeting })), undefined)
  const more = upload(client({ greeting }))
  await more.take(LINE.length, LINE, transaction)
  assert.equal(
    await more.end({ header: undefined as never, facts: { octets: LINE.length } as never, at: 0 }, transaction),
    undefined,
  )
  await breakOff(client({ peer: '192.0.2.2' }), 1)
  assert.equal(await offset(client({ peer: '192.0.2.2' })), 20)
})
