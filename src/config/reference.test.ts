import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as z from 'zod'
import { readSettings } from './load.ts'
import type { Machine } from './machine.ts'
import { type SettingRow, settingRows } from './reference.ts'
import { FIXED } from './restart.ts'
import type { Settings } from './settings.ts'

const machine: Machine = {
  hostname: 'host.example.org',
  uid: 1000,
  user: 'jo',
  home: '/home/jo',
  state: '/home/jo/state',
  runtime: '/run/jo',
}
const extensions = new Map<string, z.ZodType>([
  ['dsn', z.strictObject({})],
  ['expn', z.strictObject({ allow: z.array(z.string()).default([]).describe('Who may ask.') })],
])
const rows = settingRows(machine, extensions)
const row = (key: string): SettingRow => {
  const found = rows.find((one) => one.key === key)
  assert.ok(found, key)
  return found
}
const settings = (source: string): Settings => {
  const loaded = readSettings(source, 'smail.yaml', machine, extensions)
  assert.ok('settings' in loaded, `${source}: ${JSON.stringify(loaded)}`)
  return loaded.settings
}

test('a setting with its unit, bounds, default, answer and change', () => {
  assert.deepEqual(row('queue.backoff.min'), {
    key: 'queue.backoff.min',
    does: 'Before the second attempt; then it doubles.',
    value: 'a time, as 90s or 5d, at least 1s',
    otherwise: { text: '5m', literal: true },
    wrong: "'?' is no time; expected a number with ms, s, m, h, d or w, as in 90s or 5d",
    change: 'restart',
  })
  assert.deepEqual(row('limits.message').otherwise, { text: '50MiB', literal: true })
  assert.equal(row('limits.message').value, 'octets, as 50MiB or 4096, at least 64KiB')
  assert.deepEqual(row('control.mode').otherwise, { text: '"0600"', literal: true })
  assert.deepEqual(row('listen.NAME.limits.hops').otherwise, { text: 'what holds for all', literal: false })
  assert.equal(row('directors.NAME.catch-all.to').otherwise, undefined)
  assert.match(row('directors.NAME.users.from.names').value, /^a list, or one alone: a name/)
  assert.equal(row('log.level').value, 'one of debug, info, warn, error')
  assert.deepEqual(
    [row('extensions.dsn').value, row('extensions.expn.allow').does],
    ['off, or {}: it has no settings', 'Who may ask.'],
  )
})

test('each is described and told apart, and answers something to what is wrong', () => {
  for (const { key, does, wrong } of rows) {
    assert.match(does, /^\p{Lu}.*\.$|^`/u, key)
    assert.match(wrong, /expected|is no |is empty/, key)
  }
  assert.equal(new Set(rows.map(({ key }) => key)).size, rows.length)
})

test('nothing that can be set is missing', () => {
  const keys = new Set(rows.map(({ key }) => key))
  const defaults = settings('')
  for (const [section, value] of Object.entries(defaults)) {
    assert.ok(keys.has(section), section)
    if (['spool', 'tls'].includes(section) || typeof value !== 'object' || Array.isArray(value)) continue
    if (value instanceof Map) continue
    for (const key of Object.keys(value)) assert.ok(keys.has(`${section}.${key}`), `${section}.${key}`)
  }
})

test('a default that is shown is the one that holds, and may be written as it is shown', () => {
  const shown = rows.filter(({ key, otherwise }) => otherwise?.literal && !/[A-Z]|^extensions/.test(key))
  assert.ok(shown.length > 40)
  for (const { key, otherwise } of shown) {
    const source = key.split('.').reduceRight((inner, word) => `{ ${word}: ${inner} }`, otherwise?.text ?? '')
    // With directors of one's own the postmaster is another.
    const postmaster = settings(key === 'directors' ? source : '').postmaster
    assert.deepEqual(settings(source), { ...settings(''), postmaster }, source)
  }
})

test('who needs a restart is who a reload leaves as it is', () => {
  for (const { key, change } of rows) {
    const section = key.split('.')[0] ?? ''
    assert.equal(
      change === 'restart',
      FIXED.some((one) => one === section),
      key,
    )
  }
})

test('a setting without a word of what it does is a mistake of ours', () => {
  const dumb = new Map([['expn', z.strictObject({ allow: z.array(z.string()).default([]) })]])
  assert.throws(() => settingRows(machine, dumb), /extensions\.expn\.allow is not described/)
})
