import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { manualClock } from '../../test/doubles/manual-clock.ts'
import { ControlFault } from '../app/control-client.ts'
import { systemClock } from '../observe/clock.ts'
import { handOver, NotTaken, PATIENCE } from './hand-over.ts'

const folder = mkdtempSync(join(tmpdir(), 'smail-hand-'))
after(() => rmSync(folder, { recursive: true }))

const STATUS = '{"ok":{"domain":"example.test"}}\r\n'
let sockets = 0

/** A server that says this to the first line, and does the next thing when all of the message is there. */
const instance = async (first: (socket: Socket) => void, atEnd: (socket: Socket) => void = () => {}) => {
  const path = join(folder, `${++sockets}.sock`)
  const bodies: string[] = []
  const server = createServer((socket) => {
    let text = ''
    let lines = 0
    socket.on('error', () => {}).setEncoding('latin1')
    socket.on('data', (more) => {
      text += more
      if (lines === 0 && text.includes('\r\n')) {
        lines = 1
        first(socket)
      }
      if (text.endsWith('{"end":true}\r\n')) {
        bodies.push(text)
        atEnd(socket)
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  return { path, bodies, [Symbol.asyncDispose]: async () => void server.close() }
}

const envelope = { sender: null, params: {}, recipients: [{ address: 'a@b.example', params: {} }] }
async function* content(domain: string) {
  yield Buffer.from(`Subject: x\r\n\r\n${domain}\r\n`)
}
const hand = (paths: readonly string[], clock = systemClock()) => handOver({ envelope, content }, paths, clock)

const says =
  (...texts: string[]) =>
  (socket: Socket) =>
    socket.write(texts.join(''))
const goes = (socket: Socket) => void socket.destroy()

test('mail goes to the first instance that answers', async () => {
  await using full = await instance(says('{"error":{"kind":"fault","message":"too many"}}\r\n'))
  await using gone = await instance(goes)
  await using other = await instance(says('220 mail.example ESMTP\r\n'))
  await using number = await instance(says('5\r\n'))
  await using nothing = await instance(says('{"ok":null}\r\n'))
  await using good = await instance(says(STATUS), says('{"ok":{"id":"q1"}}\r\n'))
  const none = join(folder, 'none.sock')
  const paths = [none, ...[full, gone, other, number, nothing, good].map(({ path }) => path)]
  assert.equal(await hand(paths), 'q1')
  assert.match(good.bodies[0] ?? '', /"octets":28\}\r\nSubject: x\r\n\r\nexample\.test\r\n/)
  assert.deepEqual(full.bodies, [])
})

test('where none answers, the one that is there is named', async () => {
  await using gone = await instance(goes)
  const none = join(folder, 'none.sock')
  await assert.rejects(hand([none, gone.path]), (error) => error instanceof NotTaken && error.path === gone.path)
  await assert.rejects(hand([none]), (error) => error instanceof NotTaken && error.path === undefined)
  await assert.rejects(hand([]), NotTaken)
})

test('an instance that is silent is not waited for', async () => {
  const clock = manualClock()
  let asked = () => {}
  const heard = new Promise<void>((resolve) => {
    asked = resolve
  })
  await using silent = await instance(() => asked())
  const handed = assert.rejects(hand([silent.path], clock), NotTaken)
  await heard
  await clock.advance(PATIENCE)
  await handed
})

test('one that has the whole message and says nothing of it has not taken it', async () => {
  const clock = manualClock()
  let ended = () => {}
  const heard = new Promise<void>((resolve) => {
    ended = resolve
  })
  await using silent = await instance(says(STATUS), () => ended())
  const handed = assert.rejects(hand([silent.path], clock), NotTaken)
  await heard
  await clock.advance(60_000)
  await handed
})

test('one that goes, or has a fault of its own, has not taken it; one that refuses has answered', async () => {
  await using gone = await instance(says(STATUS), goes)
  await assert.rejects(hand([gone.path]), NotTaken)
  await using faulty = await instance(says(STATUS), says('{"error":{"kind":"fault","message":"a disk"}}\r\n'))
  await assert.rejects(hand([faulty.path]), NotTaken)
  const reply = { code: 550, status: '5.1.1', lines: ['Nobody'] }
  const refusal = JSON.stringify({ error: { kind: 'refused', message: 'Nobody', reply } })
  await using refusing = await instance(says(STATUS), says(`${refusal}\r\n`))
  await assert.rejects(hand([refusing.path]), ControlFault)
})

test('input that breaks is no fault of the instance', async () => {
  await using good = await instance(says(STATUS))
  const broken = async function* () {
    yield Buffer.from('half')
    throw new Error('input broke')
  }
  await assert.rejects(handOver({ envelope, content: broken }, [good.path], systemClock()), /^Error: input broke/)
})
