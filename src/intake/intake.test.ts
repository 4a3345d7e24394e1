import assert from 'node:assert/strict'
import { test } from 'node:test'
import { manualClock } from '../../test/doubles/manual-clock.ts'
import type { Resolution, Resolver } from '../addressing/resolve.ts'
import * as extensions from '../extensions/index.ts'
import { formatAddress } from '../mail/address.ts'
import { Misconfigured } from '../mail/misconfigured.ts'
import { reply } from '../mail/reply.ts'
import { memoryChannels } from '../net/memory-channel.ts'
import { silentLog } from '../observe/log.ts'
import type { Extension } from '../smtp/extension.ts'
import { createRegistry } from '../smtp/registry.ts'
import { serve, serverContext } from '../smtp/server.ts'
import { memorySpool } from '../spool/memory.ts'
import { type Draft, type Spool, SpoolError } from '../spool/spool.ts'
import { intake } from './intake.ts'

const clock = manualClock()

const resolver: Resolver = {
  isOurs: (domain) => domain === 'example.test',
  async resolve({ local, domain }, ancestors): Promise<Resolution> {
    if (local === 'broken') throw new Misconfigured('no such transport')
    if (local === 'flaky') throw new Error('the name server does not answer')
    if (local === 'loop') return { to: 'addresses', addresses: [{ local: 'pool', domain }], lane: null, by: 'aliases' }
    if (local === 'pool') {
      const back = ancestors?.some((one) => one.local === 'loop')
      if (back) return { to: 'nobody', reply: reply(554, '5.4.6', 'A loop'), lane: null, by: 'loop check' }
      return { to: 'addresses', addresses: [{ local: 'loop', domain }], lane: null, by: 'aliases' }
    }
    if (local === 'gone')
      return { to: 'addresses', addresses: [{ local: 'nobody', domain }], lane: null, by: 'aliases' }
    if (local === 'later')
      return { to: 'addresses', addresses: [{ local: 'flaky', domain }], lane: null, by: 'aliases' }
    if (local === 'nobody')
      return { to: 'nobody', reply: reply(550, '5.1.1', 'No such user here'), lane: null, by: 'users' }
    if (domain !== 'example.test') {
      return {
        to: 'host',
        transport: 'smtp',
        destination: domain,
        hosts: async () => [],
        lane: `smtp/${domain}`,
        by: 'mx',
      }
    }
    return {
      to: 'mailbox',
      transport: 'local',
      mailbox: { user: local, home: `/home/${local}` },
      lane: `local/${local}`,
      by: 'users',
    }
  },
  expand: async () => undefined,
}

const editing: Extension = {
  keyword: 'X-EDIT',
  rfc: [],
  silent: true,
  server: {
    atEnd: () => ({
      edits: [
        { field: 'replace', name: 'Subject', value: 'änders' },
        { field: 'add', name: 'X-New', value: '1' },
      ],
    }),
  },
}

/** Says the lines and gives back the replies' codes and statuses. */
const dialogue = async (
  lines: string,
  spool: Pick<Spool, 'open'>,
  more: readonly Extension[] = [],
  submission = false,
): Promise<string[]> => {
  const [client, server] = memoryChannels(clock)
  const context = serverContext({
    hostname: 'mx.example.test',
    listener: 'mx',
    registry: createRegistry([extensions.dsn(), ...more, extensions.enhancedStatusCodes()]),
    sink: intake({
      listener: 'mx',
      hostname: 'mx.example.test',
      hops: 3,
      spool,
      resolver,
      mayRelay: () => false,
      submission,
      clock,
      log: silentLog,
    }),
    clock,
    log: silentLog,
  })
  const served = serve(server, context)
  client.write(lines.replaceAll('\n', '\r\n'))
  await client.flush(1000)
  const said: string[] = []
  try {
    for (;;) said.push((await client.line(1000, 60_000)).slice(0, 9))
  } catch {
    // The server closed the connection after QUIT.
  }
  client.destroy()
  await served
  return said.slice(4)
}

const message = (body: string, to = 'alice@example.test') =>
  `EHLO client.example\nMAIL FROM:<a@example.org> ENVID=x+2By\n${to
    .split(' ')
    .map((one) => `RCPT TO:<${one}> NOTIFY=NEVER\n`)
    .join('')}DATA\n${body}.\nQUIT\n`

const textOf = async (spool: Spool): Promise<string> => {
  const [listed] = await spool.list({ most: 1 })
  const content = listed && (await spool.read(listed.id))
  assert.ok(content)
  const chunks: Uint8Array[] = []
  for await (const chunk of content) chunks.push(chunk)
  return Buffer.concat(chunks).toString('latin1')
}

test('what was answered with 250 is in the spool: envelope, parameters as they were, lanes, trace field', async () => {
  const spool = memorySpool({ clock })
  assert.deepEqual(await dialogue(message('Subject: hi\n\nbody\n'), spool), [
    '250 2.1.0',
    '250 2.1.5',
    '354 Go ah',
    '250 2.6.0',
    '221 2.0.0',
  ])
  const [listed] = await spool.list({ most: 2 })
  assert.ok(listed)
  assert.deepEqual(listed.params, { ENVID: 'x+2By' })
  assert.deepEqual(
    listed.recipients.map(({ address, params, lane }) => [formatAddress(address), params, lane]),
    [['alice@example.test', { NOTIFY: 'NEVER' }, 'local/alice']],
  )
  assert.match(
    await textOf(spool),
    /^Received: from client\.example by mx\.example\.test with ESMTP\s+id \w+\s+for <alice@example\.test>;\s+.*\r\nSubject: hi\r\n\r\nbody\r\n$/,
  )
  assert.match((await spool.trace(listed.id))[0]?.text ?? '', /accepted by mx/)
})

test('recipients: unknown, not ours, not to be found out just now', async () => {
  const spool = memorySpool({ clock })
  const said = await dialogue(
    message('x\n', 'nobody@example.test alice@elsewhere.example broken@example.test flaky@example.test'),
    spool,
  )
  assert.deepEqual(said.slice(1, 6), ['550 5.1.1', '550 5.7.1', '451 4.3.5', '451 4.4.3', '554 5.5.1'])
  assert.deepEqual(await spool.list({ most: 1 }), [])
})

test('who is named twice is kept once', async () => {
  const spool = memorySpool({ clock })
  await dialogue(message('x\n', 'alice@example.test bob@example.test alice@EXAMPLE.test'), spool)
  const [listed] = await spool.list({ most: 1 })
  assert.deepEqual(
    listed?.recipients.map(({ address }) => formatAddress(address)),
    ['alice@example.test', 'bob@example.test'],
  )
})

test('who is refused at the end is kept beside who is taken, with that answer, for the queue to report', async () => {
  const picky: Extension = {
    keyword: 'X-PICKY',
    rfc: [],
    silent: true,
    server: {
      atEnd: (_end, { recipients }) => ({
        recipients: new Map(
          [...recipients.entries()].flatMap(([index, { address }]) =>
            address.local === 'bob' ? [[index, reply(550, '5.7.1', 'Not for bob')] as const] : [],
          ),
        ),
      }),
    },
  }
  const spool = memorySpool({ clock })
  const said = await dialogue(message('x\n', 'alice@example.test bob@example.test'), spool, [picky])
  assert.equal(said.at(-2), '250 2.6.0')
  const [listed] = await spool.list({ most: 1 })
  assert.deepEqual(
    listed?.recipients.map(({ address, fate }) => [address.local, 'last' in fate ? fate.last : undefined]),
    [
      ['alice', undefined],
      ['bob', { code: 550, status: '5.7.1', lines: ['Not for bob'], by: 'us', at: clock.now() }],
    ],
  )
  const none = memorySpool({ clock })
  assert.equal((await dialogue(message('x\n', 'bob@example.test'), none, [picky])).at(-2), '550 5.7.1')
  assert.deepEqual(await none.list({ most: 1 }), [])
})

test('an alias that leads nowhere is refused at the door, one that cannot be followed now is not', async () => {
  const spool = memorySpool({ clock })
  const said = await dialogue(message('x\n', 'loop@example.test gone@example.test later@example.test'), spool)
  assert.deepEqual(said.slice(1, 4), ['554 5.4.6', '550 5.1.1', '250 2.1.5'])
})

test('mail of our own users is known as such: by where it comes in, or by who sent it', async () => {
  const login: Extension = {
    keyword: 'X-LOGIN',
    rfc: [],
    silent: true,
    server: {
      onMail(_sender, _params, session) {
        session.identity = 'alice'
      },
    },
  }
  for (const [submission, extensions, submitted] of [
    [false, [], undefined],
    [true, [], true],
    [false, [login], true],
  ] as const) {
    const spool = memorySpool({ clock })
    await dialogue(message('x\n'), spool, extensions, submission)
    assert.equal((await spool.list({ most: 1 }))[0]?.origin.submitted, submitted)
  }
})

test('mail that goes in circles is refused', async () => {
  const spool = memorySpool({ clock })
  const said = await dialogue(message(`${'Received: from x by y; z\n'.repeat(4)}\nx\n`), spool)
  assert.equal(said[3], '554 5.4.6')
  assert.deepEqual(await spool.list({ most: 1 }), [])
})

test('a header that was edited is stored as it is now, and the facts are those of what is stored', async () => {
  const spool = memorySpool({ clock })
  await dialogue(message('Subject: old\nFrom: a\n\nbody\n'), spool, [editing])
  const text = await textOf(spool)
  assert.match(text, /\r\nX-New: 1\r\nSubject: [^\r]+\r\nFrom: a\r\n\r\nbody\r\n$/)
  const [listed] = await spool.list({ most: 1 })
  assert.equal(listed?.facts.octets, text.length - text.indexOf('X-New'))
  assert.equal(listed?.facts.eightBitHeader, true)
})

test('a body that would run into our trace field is kept apart from it', async () => {
  for (const body of [' folded into Received?\n', 'no header at all\n']) {
    const spool = memorySpool({ clock })
    await dialogue(message(body), spool)
    assert.ok((await textOf(spool)).endsWith(`\r\n\r\n${body.replace('\n', '\r\n')}`))
  }
})

test('a spool without room is 452, a broken one 451, any other fault 451; nothing is kept', async () => {
  const failing = (error: Error, at: 'write' | 'commit'): Pick<Spool, 'open'> => ({
    open(): Draft {
      const draft = memorySpool({ clock }).open()
      return {
        id: draft.id,
        octets: 0,
        body: () => draft.body(),
        abort: () => draft.abort(),
        write: async () => {
          if (at === 'write') throw error
        },
        commit: async () => {
          throw error
        },
      }
    },
  })
  const cases = [
    [new SpoolError('full', 'no room'), '452 4.3.1'],
    [new SpoolError('broken', 'EIO'), '451 4.3.0'],
    [new Error('a bug'), '451 4.3.0'],
  ] as const
  for (const [error, answer] of cases) {
    for (const at of ['write', 'commit'] as const) {
      const said = await dialogue(message('x\n'), failing(error, at))
      assert.equal(said[3], answer, `${error.message} at ${at}`)
    }
  }
})
