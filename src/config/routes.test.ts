import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readSettings } from './load.ts'
import { thisMachine } from './machine.ts'
import type { StaticRoute } from './settings.ts'

const routes = (rows: string): readonly StaticRoute[] | readonly string[] => {
  const text = `routers:\n  s:\n    static:\n      routes:\n${rows.replace(/^/gm, '        ')}\n`
  const loaded = readSettings(text, 'f', thisMachine({}), new Map())
  if ('faults' in loaded) return loaded.faults
  const [router] = loaded.settings.routers
  return router?.driver === 'static' ? router.routes : []
}

test('rows of a static table: hosts in their order, a socket, mx, an error', () => {
  assert.deepEqual(
    routes(
      'A.example: MX.isp.example:2525\n"*.b.example": [one.example, "unix:/run/x"]\nc.example: mx\n"*": "error: 550 5.1.2 Not from here"',
    ),
    [
      { domain: 'a.example', to: [{ name: 'mx.isp.example', port: 2525 }] },
      { domain: '*.b.example', to: [{ name: 'one.example', port: 25 }, 'unix:/run/x'] },
      { domain: 'c.example', to: 'mx' },
      { domain: '*', to: 'error:550 5.1.2 Not from here' },
    ],
  )
})

test('what is none is told with its place', () => {
  const cases = {
    'a.example: "error: 450 later"': /^f:5:20 .*is no error/,
    'a.example: [mx, b.example]': /^f:5:20 .*stand alone/,
    'a.example: []': /^f:5:20 /,
    'a.example: "b c"': /^f:5:20 .*is no host/,
  }
  for (const [row, fault] of Object.entries(cases)) assert.match(String(routes(row)[0]), fault)
})
