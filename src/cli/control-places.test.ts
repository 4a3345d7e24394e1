import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { thisMachine } from '../config/machine.ts'
import { controlPlaces, placesOf } from './control-places.ts'
import { Exit } from './exit.ts'

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
  assert.deepEqual(await places(), {
    sockets: [OWN, COMMON],
    control: [OWN],
    drop: '/state/smail/drop',
    named: false,
    shared: false,
  })
})

test('the standard file’s come first, submission before control', async () => {
  assert.deepEqual(await places('control: { socket: c.sock, submission: /s.sock }\ndrop: { directory: ~/d }\n'), {
    sockets: ['/s.sock', join(folder, 'c.sock'), OWN, COMMON],
    control: [join(folder, 'c.sock'), OWN],
    drop: '/home/jo/d',
    named: true,
    shared: true,
  })
})

test('mail is not left in our own folder where the machine has an instance that would not look there', async () => {
  for (const source of ['hostname: mx.example.org\n', 'control: [']) {
    assert.deepEqual(await places(source), { sockets: [OWN, COMMON], control: [OWN], named: false, shared: false })
  }
  assert.deepEqual(await places('drop: { directory: /d }\n', {}, 0o666), {
    sockets: [OWN, COMMON],
    control: [OWN],
    named: false,
    shared: false,
  })
})

test('SMAIL_CONTROL wins', async () => {
  const { sockets } = await places('control: { socket: /c.sock }\n', { SMAIL_CONTROL: '/x.sock' })
  assert.deepEqual(sockets, ['/x.sock'])
})

const named = (source: string, uid = machine.uid, mode = 0o644) => {
  const file = join(folder, 'named.yaml')
  writeFileSync(file, source)
  chmodSync(file, mode)
  return placesOf(file, { ...machine, uid })
}

test('of a file that is named nothing else counts', async () => {
  assert.deepEqual(await named('control: { socket: c.sock, submission: s.sock }\ndrop: { directory: d }\n'), {
    sockets: [join(folder, 's.sock'), join(folder, 'c.sock')],
    control: [join(folder, 'c.sock')],
    drop: join(folder, 'd'),
    named: true,
    shared: false,
  })
  const defaults = { sockets: [OWN], control: [OWN], drop: '/state/smail/drop', named: false, shared: false }
  assert.deepEqual(await named(''), defaults)
  assert.deepEqual(await named('nonsense: [\n'), defaults)
  assert.deepEqual(await named('spool: { sqlite: { path: 5 } }\n'), defaults)
})

test('the drop directory that somebody else owns is shared', async () => {
  const { shared } = await named('drop: { directory: /proc/1 }\n', 5000).catch(() => ({ shared: undefined }))
  assert.equal(shared, process.getuid?.() === 0 ? true : undefined)
})

test('a file that is named and is not there, may not be read, or does not say where, is refused', async () => {
  const refused = (promise: Promise<unknown>, text: RegExp) =>
    assert.rejects(promise, (error) => error instanceof Exit && error.code === 78 && text.test(error.message))
  await refused(placesOf(join(folder, 'nowhere.yaml'), machine), /nowhere\.yaml: does not exist/)
  await refused(placesOf(folder, machine), /is no file/)
  await refused(named('control: { socket: /c.sock }\n', machine.uid, 0o666), /may be written by others/)
  await refused(named('control: { socket: 5 }\n'), /control\.socket: expected a path/)
  await refused(named('drop: { directory: "" }\n'), /drop\.directory: expected a path/)
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
