import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createConnection, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { refuse } from '../mail/reply.ts'
import { systemClock } from '../observe/clock.ts'
import { silentLog } from '../observe/log.ts'
import { ControlTaken, serveControl } from './control.ts'
import { ControlFault, connectControl, connectSmtp, NotRunning } from './control-client.ts'
import { MOST_LINE } from './control-protocol.ts'
import { type ControlActions, Faulty } from './control-session.ts'
import type { Submission } from './mta.ts'

const folder = mkdtempSync(join(tmpdir(), 'smail-control-'))
after(() => rmSync(folder, { recursive: true }))
let sockets = 0
const socketPath = () => join(folder, `c${++sockets}.sock`)

interface Seen {
  readonly mail: { readonly submission: Submission; readonly body: string }[]
  readonly done: string[]
}

const doubles = (seen: Seen = { mail: [], done: [] }): ControlActions => ({
  status: async () => ({
    state: 'running',
    hostname: 'mx.example.org',
    domain: 'example.org',
    spool: 'memory',
    pid: 1,
    uptime: 2,
    listeners: [],
    sessions: 0,
    queue: { messages: 0, waiting: 0, held: 0, parked: 0 },
  }),
  extensions: () => [],
  explain: async (address) => ({ address, by: 'users', result: 'mailbox', says: 'ünïcode' }),
  reload: async () => {
    throw new Faulty('the settings are wrong', ['a:1:1: x', 'b:1:1: y'])
  },
  drain: async () => void seen.done.push('drain'),
  stop: async (now) => void seen.done.push(now ? 'stop now' : 'stop'),
  async *list(match) {
    for (let i = 0; i < 1000; i++) yield { id: `${match.domain}${i}` }
  },
  show: async (id) => (id === 'q1' ? { id } : undefined),
  body: async (id) =>
    id !== 'q1'
      ? undefined
      : (async function* () {
          for (let i = 0; i < 5; i++) yield Buffer.alloc(1_500_000, i)
        })(),
  trace: async () => [],
  operate: async (operation, match) => {
    seen.done.push(`${operation} ${JSON.stringify(match)}`)
    return 3
  },
  async submit(submission, body) {
    const chunks: Uint8Array[] = []
    let octets = 0
    for await (const chunk of body) {
      chunks.push(chunk)
      octets += chunk.length
      if (octets > 3_000_000) refuse(552, '5.3.4', 'Message too big')
    }
    seen.mail.push({ submission, body: Buffer.concat(chunks).toString() })
    return { id: `q${seen.mail.length}` }
  },
  async attend(channel) {
    channel.write('220 hello\r\n')
    await channel.flush(1000)
    channel.write(`250 ${await channel.line(100, 10_000)}\r\n`)
    await channel.end(1000)
  },
})

const serving = async (actions = doubles(), more: { everyone?: boolean; mode?: number } = {}) => {
  const path = socketPath()
  const server = await serveControl({ path, mode: 0o600, actions, clock: systemClock(), log: silentLog, ...more })
  return { path, server, [Symbol.asyncDispose]: () => server.close() }
}

const faultOf = async (call: Promise<unknown>): Promise<ControlFault['fault']> => {
  const error = await call.then(
    () => assert.fail('no fault'),
    (thrown: unknown) => thrown,
  )
  assert.ok(error instanceof ControlFault, String(error))
  return error.fault
}

test('requests are answered one after the other on one connection', async () => {
  const seen: Seen = { mail: [], done: [] }
  await using control = await serving(doubles(seen))
  const client = await connectControl(control.path)
  assert.equal(((await client.call({ do: 'status' })) as { domain: string }).domain, 'example.org')
  assert.deepEqual(await client.call({ do: 'explain', address: 'x@y' }), {
    address: 'x@y',
    by: 'users',
    result: 'mailbox',
    says: 'ünïcode',
  })
  assert.equal(await client.call({ do: 'operate', operation: 'hold', match: { domain: 'a.example' } }), 3)
  await client.call({ do: 'drain' })
  await client.call({ do: 'stop' })
  await client.call({ do: 'stop', now: true })
  assert.deepEqual(seen.done, ['hold {"domain":"a.example"}', 'drain', 'stop', 'stop now'])
  client.close()
})

test('lists and bodies come in pieces', async () => {
  await using control = await serving()
  const client = await connectControl(control.path)
  const ids: unknown[] = []
  await client.call(
    { do: 'list', match: { domain: 'q' } },
    { each: (item) => void ids.push((item as { id: string }).id) },
  )
  assert.deepEqual([ids.length, ids[0], ids[999]], [1000, 'q0', 'q999'])
  let octets = 0
  await client.call({ do: 'body', id: 'q1' }, { chunk: (chunk) => void (octets += chunk.length) })
  assert.equal(octets, 7_500_000)
  client.close()
})

test('what cannot be done is told as what it is', async () => {
  await using control = await serving()
  const client = await connectControl(control.path)
  assert.deepEqual(await faultOf(client.call({ do: 'show', id: 'q9' })), {
    kind: 'missing',
    message: 'There is no message q9',
  })
  assert.equal((await faultOf(client.call({ do: 'body', id: 'q9' }))).kind, 'missing')
  assert.deepEqual(await faultOf(client.call({ do: 'reload' })), {
    kind: 'usage',
    message: 'the settings are wrong',
    details: ['a:1:1: x', 'b:1:1: y'],
  })
  client.close()
})

test('mail is handed over with its envelope', async () => {
  const seen: Seen = { mail: [], done: [] }
  await using control = await serving(doubles(seen))
  const client = await connectControl(control.path)
  const body = async function* () {
    yield Buffer.from('Subject: x\r\n\r\n')
    yield Buffer.alloc(0)
    yield Buffer.from('grüße\r\n')
  }
  const recipients = [
    { address: 'alice@example.org', params: { NOTIFY: 'NEVER' } },
    { address: '"a b"', params: {} },
  ]
  const id = await client.submit({ sender: null, params: { RET: 'HDRS' }, recipients, user: 'jo' }, body())
  assert.equal(id, 'q1')
  assert.deepEqual(seen.mail, [
    {
      submission: {
        sender: null,
        params: { RET: 'HDRS' },
        recipients: [
          { address: { local: 'alice', domain: 'example.org' }, params: { NOTIFY: 'NEVER' } },
          { address: { local: 'a b', domain: '' }, params: {} },
        ],
        user: 'jo',
      },
      body: 'Subject: x\r\n\r\ngrüße\r\n',
    },
  ])
  client.close()
})

test('mail that is refused half-way: the answer arrives, and nothing hangs', async () => {
  await using control = await serving()
  const client = await connectControl(control.path)
  const body = async function* () {
    for (let i = 0; i < 40; i++) yield Buffer.alloc(1_000_000, 'x')
  }
  const recipients = [{ address: 'a@b.example', params: {} }]
  const fault = await faultOf(client.submit({ sender: null, params: {}, recipients }, body()))
  assert.deepEqual([fault.kind, fault.reply?.code, fault.reply?.status], ['refused', 552, '5.3.4'])
  client.close()
})

test('a sender whose input breaks leaves no mail behind', async () => {
  const seen: Seen = { mail: [], done: [] }
  await using control = await serving(doubles(seen))
  const client = await connectControl(control.path)
  const body = async function* () {
    yield Buffer.from('half a mess')
    throw new Error('standard input broke')
  }
  const recipients = [{ address: 'a@b.example', params: {} }]
  await assert.rejects(client.submit({ sender: null, params: {}, recipients }, body()), /standard input broke/)
  client.close()
  const other = await connectControl(control.path)
  await other.call({ do: 'status' })
  assert.deepEqual(seen.mail, [])
  other.close()
})

test('after `smtp` the connection speaks SMTP', async () => {
  await using control = await serving()
  const socket = await connectSmtp(control.path)
  let heard = ''
  socket.setEncoding('utf8').write('EHLO x\r\n')
  for await (const text of socket) heard += text
  assert.equal(heard, '220 hello\r\n250 EHLO x\r\n')
})

test('the socket has its mode from the first moment, and everyone’s takes only mail', async () => {
  await using own = await serving()
  assert.equal(statSync(own.path).mode & 0o777, 0o600)
  await using all = await serving(doubles(), { everyone: true, mode: 0o666 })
  assert.equal(statSync(all.path).mode & 0o777, 0o666)
  const requests = [{ do: 'stop' }, { do: 'list', match: {} }, { do: 'body', id: 'q1' }, { do: 'reload' }] as const
  for (const request of requests) {
    const client = await connectControl(all.path)
    assert.deepEqual(await faultOf(client.call(request)), { kind: 'usage', message: `${request.do} is not done here` })
    client.close()
  }
  assert.deepEqual(
    readdirSync(folder).filter((name) => !/^c\d+\.sock$/.test(name)),
    [],
  )
})

test('a dead instance’s socket is replaced, a living one’s and a file are not', async () => {
  const options = { mode: 0o600, actions: doubles(), clock: systemClock(), log: silentLog }
  const path = socketPath()
  const first = await serveControl({ path, ...options })
  await assert.rejects(serveControl({ path, ...options }), ControlTaken)
  await first.close()
  await assert.rejects(connectControl(path), (error) => error instanceof NotRunning && !error.denied)

  const dead = socketPath()
  const left = createServer().listen(`${dead}.x`)
  await new Promise((resolve) => left.once('listening', resolve))
  const { renameSync } = await import('node:fs')
  renameSync(`${dead}.x`, dead)
  await new Promise((resolve) => left.close(resolve))
  assert.ok(statSync(dead).isSocket())
  const second = await serveControl({ path: dead, ...options })
  ;(await connectControl(dead)).close()
  await second.close()

  const file = socketPath()
  writeFileSync(file, 'precious')
  await assert.rejects(serveControl({ path: file, ...options }), /is there and is no socket/)
  rmSync(file)
})

const raw = (path: string, octets: string | Uint8Array): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket: Socket = createConnection(path, () => socket.end(octets))
    let answer = ''
    socket.setEncoding('utf8').on('data', (text) => {
      answer += text
    })
    socket.once('error', reject).once('close', () => resolve(answer))
  })

const NONSENSE: readonly string[] = [
  'GET / HTTP/1.1\r\n',
  '{}\r\n',
  '[]\r\n',
  'null\r\n',
  '{"do":5}\r\n',
  '{"do":"__proto__"}\r\n',
  '{"do":"show"}\r\n',
  '{"do":"show","id":{}}\r\n',
  '{"do":"operate","operation":"delete"}\r\n',
  '{"do":"operate","operation":"delete","match":{}}\r\n',
  '{"do":"operate","operation":"toString","match":{"id":"x"}}\r\n',
  '{"do":"list","match":{"fate":"lost"}}\r\n',
  '{"do":"submit"}\r\n',
  '{"do":"submit","sender":null,"recipients":[]}\r\n',
  '{"do":"submit","sender":"a@b","recipients":[{"address":"x\\r\\nRCPT"}]}\r\n',
  '{"do":"submit","sender":null,"recipients":[{"address":"a@b","params":{"NOTIFY":"a b"}}]}\r\n',
  `{"do":"submit","sender":null,"recipients":[{"address":"a@b"}],"user":"${'x'.repeat(257)}"}\r\n`,
  '{"do":"submit","sender":null,"recipients":[{"address":"a@b"}],"user":""}\r\n',
  '{"do":"submit","sender":null,"recipients":[{"address":"a@b"}],"user":"jo\\nBcc: x"}\r\n',
  '{"do":"submit","sender":null,"recipients":[{"address":"a@b"}],"user":"jo\\u0085"}\r\n',
  '{"do":"submit","sender":null,"params":{"ret":"FULL"},"recipients":[{"address":"a@b"}]}\r\n',
  '{"do":"submit","sender":null,"params":{"RET":5},"recipients":[{"address":"a@b"}]}\r\n',
  `{"do":"submit","sender":null,"params":{"ENVID":"${'x'.repeat(1000)}"},"recipients":[{"address":"a@b"}]}\r\n`,
  `{"do":"submit","sender":null,"params":{${Array.from({ length: 51 }, (_, i) => `"X${i}":true`)}},"recipients":[{"address":"a@b"}]}\r\n`,
  '{"do":"operate","operation":"bounce","match":{"id":"x"},"why":"a\\nb"}\r\n',
  `{"do":"operate","operation":"bounce","match":{"id":"x"},"why":"${'x'.repeat(1001)}"}\r\n`,
  '{"do":"submit","sender":null,"recipients":[{"address":"a@b"}]}\r\n{"octets":-1}\r\n',
  '{"do":"submit","sender":null,"recipients":[{"address":"a@b"}]}\r\n{"octets":1e99}\r\n',
  '{"do":"submit","sender":null,"recipients":[{"address":"a@b"}]}\r\nDATA\r\n',
  `${'x'.repeat(MOST_LINE + 1)}\r\n`,
]

test('nonsense is answered with what is wrong, and ends that connection only', async () => {
  const seen: Seen = { mail: [], done: [] }
  await using control = await serving(doubles(seen))
  for (const octets of NONSENSE) {
    assert.match(
      await raw(control.path, octets),
      /^\{"error":\{"kind":"usage","message":"[^"]+"\}\}\r\n$/,
      octets.slice(0, 80),
    )
  }
  assert.deepEqual(seen, { mail: [], done: [] })
})

test('whatever a client sends, others are served', async () => {
  await using control = await serving()
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc
      .constantFrom(
        '{"do":"status"}\r\n',
        '{"do":',
        '{"octets":3}\r\n',
        'abc',
        '{"end":true}\r\n',
        '\r\n',
        '{"do":"submit","sender":null,"recipients":[{"address":"a@b"}]}\r\n',
      )
      .map((text) => Buffer.from(text)),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 10 }), async (pieces) => {
      for (const line of (await raw(control.path, Buffer.concat(pieces))).split('\r\n')) {
        if (line !== '') assert.ok(JSON.parse(line))
      }
    }),
    { numRuns: 150 },
  )
  const client = await connectControl(control.path)
  assert.ok(await client.call({ do: 'status' }))
  client.close()
})

test('a client that sends nothing holds nobody up, and goes when the server does', async () => {
  const control = await serving()
  const idle = createConnection(control.path)
  const gone = new Promise((resolve) => idle.once('close', resolve))
  await new Promise((resolve) => idle.once('connect', resolve))
  const client = await connectControl(control.path)
  assert.ok(await client.call({ do: 'status' }))
  client.close()
  await control.server.close()
  await gone
})

/** So many connections that say nothing, or this. */
const crowd = async (path: string, count: number, says = ''): Promise<readonly Socket[]> => {
  const connections = Array.from({ length: count }, () => createConnection(path))
  await Promise.all(connections.map((one) => new Promise((resolve) => one.once('connect', resolve))))
  for (const one of connections) one.on('error', () => {}).write(says)
  return connections
}

const SUBMIT = '{"do":"submit","sender":null,"recipients":[{"address":"a@b"}]}\r\n'

test('clients that say nothing, or not all, keep nobody out', async () => {
  const seen: Seen = { mail: [], done: [] }
  const actions = doubles(seen)
  let begun = 0
  const counted =
    <A extends unknown[], R>(action: (...given: A) => R) =>
    (...given: A): R => {
      begun++
      return action(...given)
    }
  const counting = {
    ...actions,
    status: counted(actions.status),
    submit: counted(actions.submit),
    attend: counted(actions.attend),
  }
  await using control = await serving(counting, { everyone: true })
  for (const says of ['', '{"do":', SUBMIT, '{"do":"smtp"}\r\n', '{"do":"status"}\r\n']) {
    begun = 0
    const connections = await crowd(control.path, 150, says)
    // One that makes room may not have been heard before.
    while (says.endsWith('\r\n') && begun < 100) await new Promise((resolve) => setImmediate(resolve))
    const client = await connectControl(control.path)
    assert.ok(await client.call({ do: 'status' }), says)
    const body = async function* () {
      yield Buffer.from('x')
    }
    const recipients = [{ address: 'a@b.example', params: {} }]
    assert.match(await client.submit({ sender: null, params: {}, recipients }, body()), /^q\d+$/)
    client.close()
    for (const one of connections) one.destroy()
  }
  assert.equal(seen.mail.length, 5)
})

test('when there is work for all who are there, one more is told so', async () => {
  const begun: (() => void)[] = []
  const drain = () => new Promise<void>((resolve) => void begun.push(resolve))
  await using control = await serving({ ...doubles(), drain })
  const connections = await crowd(control.path, 100, '{"do":"drain"}\r\n')
  while (begun.length < 100) await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(JSON.parse(await raw(control.path, '')), {
    error: { kind: 'fault', message: 'too many clients at once; try again later' },
  })
  for (const end of begun) end()
  for (const one of connections) one.destroy()
})
