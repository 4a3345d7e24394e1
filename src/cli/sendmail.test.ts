import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { after, test } from 'node:test'
import { serveControl } from '../app/control.ts'
import type { ControlActions } from '../app/control-session.ts'
import { refuse } from '../mail/reply.ts'
import { systemClock } from '../observe/clock.ts'
import { silentLog } from '../observe/log.ts'
import { main } from './main.ts'

const root = mkdtempSync(join(tmpdir(), 'smail-sendmail-'))
after(() => rmSync(root, { recursive: true }))
let homes = 0

/** A home without settings, where nothing runs yet. */
const home = () => {
  const path = join(root, `${++homes}`)
  const socket = join(root, `${homes}.sock`)
  const drop = join(path, '.local/state/smail/drop')
  const dropped = (): readonly string[] => {
    try {
      return readdirSync(drop).map((name) => readFileSync(join(drop, name), 'utf8'))
    } catch {
      return []
    }
  }
  const sendmail = async (argv: readonly string[], input: string | readonly string[] = 'Subject: x\n\nx\n') => {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()]
    let said = ''
    for (const stream of [stdout, stderr]) stream.setEncoding('utf8').on('data', (text) => (said += text))
    const stdin = Readable.from([input].flat().map((text) => Buffer.from(text)))
    const code = await main('sendmail', argv, { stdin, stdout, stderr, env: { HOME: path, SMAIL_CONTROL: socket } })
    return { code, said }
  }
  return { socket, dropped, sendmail }
}

const server = async (path: string, take: (socket: Socket) => void) => {
  const listening = createServer(take)
  await new Promise<void>((resolve) => listening.listen(path, resolve))
  return { [Symbol.asyncDispose]: async () => void listening.close() }
}

test('an instance that turns us away is as none: the mail is kept in the drop directory', async () => {
  const { socket, dropped, sendmail } = home()
  await using _ = await server(socket, (client) => client.destroy())
  const { code, said } = await sendmail(['-v', 'alice@example.test'])
  assert.equal(code, 0, said)
  assert.match(said, /does not answer: .*; kept in \//)
  const [mail = '', ...more] = dropped()
  assert.deepEqual(more, [])
  assert.match(mail, /^\{"do":"submit".*"alice@example\.test".*\}\nSubject: x\r\nDate: [\s\S]*\r\n\r\nx\r\n$/)
  assert.deepEqual(await sendmail(['alice@example.test']), { code: 0, said: '' })
})

test('an instance that goes in the middle of a large message: all of it is kept', async () => {
  const { socket, dropped, sendmail } = home()
  let octets = 0
  await using _ = await server(socket, (client) => {
    client.on('error', () => {})
    client.once('data', () => client.write('{"ok":{"domain":"example.test"}}\r\n'))
    client.on('data', (chunk) => {
      octets += chunk.length
      if (octets > 500_000) client.destroy()
    })
  })
  const line = `${'0123456789'.repeat(10)}\n`
  const input = ['Subject: large\n\n', ...Array.from({ length: 100 }, () => line.repeat(100))]
  assert.deepEqual(await sendmail(['alice@example.test'], input), { code: 0, said: '' })
  assert.equal(
    dropped()[0]
      ?.split('\r\n')
      .filter((one) => one === line.trimEnd()).length,
    10_000,
  )
})

test('a fault of the instance costs no mail; what it has against the mail is told, and nothing is kept', async () => {
  const { socket, dropped, sendmail } = home()
  let submit: ControlActions['submit'] = async () => {
    throw new Error('the spool is closed')
  }
  const actions = {
    status: async () => ({ domain: 'example.test' }),
    submit: (...given) => submit(...given),
  } as Partial<ControlActions> as ControlActions
  const control = await serveControl({ path: socket, mode: 0o600, actions, clock: systemClock(), log: silentLog })
  await using _ = { [Symbol.asyncDispose]: () => control.close() }
  assert.equal((await sendmail(['alice@example.test'])).code, 0)
  assert.equal(dropped().length, 1)
  submit = async () => refuse(552, '5.3.4', 'Too big')
  const { code, said } = await sendmail(['alice@example.test'])
  assert.deepEqual([code, said], [69, 'sendmail: 5.3.4 Too big\n'])
  assert.equal(dropped().length, 1)
})

test('speaking SMTP to an instance that turns us away is put off', async () => {
  const { socket, sendmail } = home()
  await using _ = await server(socket, (client) => client.destroy())
  const { code, said } = await sendmail(['-bs'], 'QUIT\r\n')
  assert.equal(code, 75)
  assert.match(said, /^421 4\.3\.2 .*\r\nsendmail: .*does not answer\n$/)
})
