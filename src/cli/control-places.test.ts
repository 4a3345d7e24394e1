import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { thisMachine } from '../config/machine.ts'
import { controlPlaces } from './control-places.ts'

const folder = mkdtempSync(join(tmpdir(), 'smail-places-'))
after(() => rmSync(folder, { recursive: true }))

const machine = { ...thisMachine({}), state: '/state/smail', runtime: '/runtime/smail', home: '/home/jo' }
const COMMON = '/run/smail/submission.sock'
const OWN = '/runtime/smail/control.sock'

const places = (source?: string, env = {}, mode = 0o644) => {
  const file = join(folder, source === undefined ? 'none.yaml' : 'smail.yaml')
  if (source !== undefined) {
    writeFileSync(file, source)
    chmodSync(file, mode)
  }
  return controlPlaces(env, machine, file)
}

test('without a file: one’s own, then what is common', async () => {
  assert.deepEqual(await places(), { sockets: [OWN, COMMON], drop: '/state/smail/drop', shared: false })
})

test('the standard file’s come first, submission before control', async () => {
  assert.deepEqual(await places('control: { socket: c.sock, submission: /s.sock }\ndrop: { directory: ~/d }\n'), {
    sockets: ['/s.sock', join(folder, 'c.sock'), OWN, COMMON],
    drop: '/home/jo/d',
    shared: true,
  })
})

test('mail is not left in our own folder where the machine has an instance that would not look there', async () => {
  for (const source of ['hostname: mx.example.org\n', 'control: [']) {
    assert.deepEqual(await places(source), { sockets: [OWN, COMMON], shared: false })
  }
  assert.deepEqual(await places('drop: { directory: /d }\n', {}, 0o666), { sockets: [OWN, COMMON], shared: false })
})

test('SMAIL_CONTROL wins', async () => {
  const { sockets } = await places('control: { socket: /c.sock }\n', { SMAIL_CONTROL: '/x.sock' })
  assert.deepEqual(sockets, ['/x.sock'])
})

test('a file that is wrong, or that others may have written, is passed over', async () => {
  const otherwise = [OWN, COMMON]
  for (const source of [
    'control: [',
    'control: 5',
    'control: { socket: 5 }',
    'control: { socket: "" }',
    '- a',
    'control: { socket: ~root/x }',
  ]) {
    assert.deepEqual((await places(source)).sockets, otherwise, source)
  }
  assert.deepEqual((await places('control: { socket: /evil.sock }\n', {}, 0o666)).sockets, otherwise)
})
