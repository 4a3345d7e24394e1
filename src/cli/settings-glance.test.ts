import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { thisMachine } from '../config/machine.ts'
import { ownTracking } from './settings-glance.ts'

const folder = mkdtempSync(join(tmpdir(), 'smail-glance-'))
after(() => rmSync(folder, { recursive: true }))

test('where tracked mail is asked for has the port of the mtqp listener, unless one is at the usual port', async () => {
  const machine = { ...thisMachine({}), hostname: 'machine.test' }
  const file = join(folder, 'smail.yaml')
  const told = async (settings: string) => {
    writeFileSync(file, settings)
    return ownTracking(file, machine)
  }
  for (const [listen, port] of [
    ['mx: { smtp: "0.0.0.0:25" }, track: { mtqp: "0.0.0.0:9038" }', 9038],
    ['track: { mtqp: ["127.0.0.1:9038", "[::1]:9039"] }', 9038],
    ['track: { mtqp: ["127.0.0.1:9038", "127.0.0.1"] }', undefined],
    ['track: { mtqp: "127.0.0.1:1038" }', undefined],
    ['track: { mtqp: ["unix:/run/t.sock", "[::]:9040"] }', 9040],
    // What is no address, or chosen by the system, tells nothing.
    ['track: { mtqp: [nowhere:x, "127.0.0.1:0", ~, { a: 1 }] }, no: ~, text: x', undefined],
    ['mx: { smtp: "0.0.0.0:25" }', undefined],
  ] as const) {
    const at = port === undefined ? {} : { port }
    assert.deepEqual(await told(`listen: { ${listen} }\n`), { host: 'machine.test', ...at }, listen)
    assert.deepEqual(await told(`hostname: mx.a.test\nlisten: { ${listen} }\n`), { host: 'mx.a.test', ...at }, listen)
  }
  for (const strange of ['listen: [1]\n', 'listen: x\n', 'listen: {\n', '', '- 1\n'])
    assert.deepEqual(await told(strange), { host: 'machine.test' }, strange)
  assert.deepEqual(await ownTracking(join(folder, 'missing.yaml'), machine), { host: 'machine.test' })
})
