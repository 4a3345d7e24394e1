import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Machine, thisMachine } from './machine.ts'
import { parseSettings } from './parse.ts'
import { FIXED, restartNeeded, withFixed } from './restart.ts'
import type { Settings } from './settings.ts'

const machine: Machine = { ...thisMachine({}), hostname: 'host.example.org', home: '/home/jo', state: '/state' }
const settings = (given: object): Settings => {
  const parsed = parseSettings(given, { machine, places: { base: '/etc', home: '/home/jo' }, extensions: new Map() })
  assert.ok('settings' in parsed, JSON.stringify(parsed))
  return parsed.settings
}

const RESTART: readonly [given: object, ...needed: string[]][] = [
  [{}],
  [{ hostname: 'host.example.org' }],
  [{ hostname: 'b.example', domains: ['host.example.org'] }, 'hostname'],
  [{ spool: { memory: {} } }, 'spool'],
  [{ spool: { sqlite: { path: '/else', history: '1d' } } }, 'spool.sqlite.path', 'spool.sqlite.history'],
  [{ queue: { concurrency: 3 } }, 'queue.concurrency'],
  [{ queue: { 'delay-warning': 'never', lifetime: '3d' } }, 'queue.lifetime', 'queue.delay-warning'],
  [{ queue: { backoff: { min: '1m' } } }, 'queue.backoff'],
  [{ queue: { drain: '1s', 'return-limit': '1KiB' } }, 'queue.drain', 'queue.return-limit'],
  [{ log: { level: 'debug', format: 'json' } }, 'log.format', 'log.level'],
  [
    { control: { socket: '/a', mode: '0660', submission: '/b' } },
    'control.socket',
    'control.mode',
    'control.submission',
  ],
  [{ drop: { directory: '/d' } }, 'drop.directory'],
  [{ modules: ['/m.ts'] }, 'modules'],
]

for (const [given, ...needed] of RESTART) {
  test(`a restart for ${JSON.stringify(given)}`, () => {
    const [before, wanted] = [settings({}), settings(given)]
    assert.deepEqual(restartNeeded(before, wanted), needed)
    // What is put in force differs by nothing of it.
    assert.deepEqual(restartNeeded(before, withFixed(wanted, before)), [])
  })
}

const RELOADED: readonly object[] = [
  { domains: ['b.example'] },
  { postmaster: 'x@b.example' },
  { listen: { mx: { smtp: '127.0.0.1:2526' } } },
  { tls: { 'self-signed': true } },
  { 'relay-from': [] },
  { directors: { c: { 'catch-all': { to: 'x@b.example' } } } },
  { routers: { s: { smarthost: { hosts: 'b.example' } } } },
  { transports: { local: { mbox: {} }, smtp: { smtp: { concurrency: 3 } } } },
  { limits: { message: '1MiB', connections: 5 } },
  { timeouts: { command: '1m' } },
  { dns: { hosts: { 'a.example': '192.0.2.1' } } },
  { 'bare-newlines': 'normalize' },
  { conversion: { signed: 'convert' } },
]

for (const given of RELOADED) {
  test(`a reload is enough for ${JSON.stringify(given)}`, () => {
    const [before, wanted] = [settings({}), settings(given)]
    assert.deepEqual(restartNeeded(before, wanted), [])
    assert.deepEqual(withFixed(wanted, before), wanted)
    assert.notDeepEqual(wanted, before)
  })
}

test('every section is one or the other here', () => {
  const here = [...RELOADED, ...RESTART.map(([given]) => given)].flatMap((given) => Object.keys(given))
  const sections = Object.keys(settings({})).filter((section) => section !== 'extensions')
  assert.deepEqual(
    sections.filter((section) => !here.includes(section)),
    [],
  )
  for (const section of FIXED) assert.ok(!RELOADED.some((given) => section in given), section)
})
