import assert from 'node:assert/strict'
import { test } from 'node:test'
import { manualClock } from '../../test/doubles/manual-clock.ts'
import { toys } from '../../test/doubles/toy-extensions.ts'
import { silentLog } from '../observe/log.ts'
import { memorySpool } from '../spool/memory.ts'
import { takeLocal } from './local.ts'

const at = (local: string) => ({ address: { local, domain: 'example.test' }, params: {} })

test('a header field stands for parameters of mail that passed no session, and counts for its schedule', async () => {
  const clock = manualClock()
  const spool = memorySpool({ clock })
  const extensions = [toys['X-HEADED'], toys['X-LATEST']].flatMap((make) => make?.() ?? [])
  const body = async function* () {
    yield Buffer.from('X-Headed: yes\r\n\r\nHello.\r\n')
  }
  const lanes: Readonly<Record<string, string>> = { b: 'local/b', c: 'local/c' }
  const { id } = await takeLocal({ sender: null, params: {}, recipients: [at('b'), at('c')] }, body(), {
    listener: 'local',
    hostname: 'mx.example.test',
    hops: 100,
    spool,
    resolver: {
      isOurs: () => true,
      resolve: async ({ local }) => ({
        to: 'mailbox',
        transport: 'local',
        mailbox: { user: local, home: '/' },
        lane: lanes[local] ?? null,
        by: 'test',
      }),
      expand: async () => undefined,
    },
    clock,
    log: silentLog,
    maxOctets: 1000,
    maxHeader: 1000,
    maxRecipients: 10,
    extensions,
  })
  const listed = await spool.show(id)
  assert.deepEqual(listed?.params, { XHEADED: true })
  assert.deepEqual(
    listed?.recipients.map(({ address, params, lane, fate }) => [address.local, params, lane, fate]),
    ['b', 'c'].map((name) => [name, { XHEADED: true }, lanes[name], { is: 'waiting', due: clock.now() + 500 }]),
  )
})
