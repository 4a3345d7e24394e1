import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Fault, type Faults, faultyDisk } from '../../test/doubles/faulty-disk.ts'
import { manualClock } from '../../test/doubles/manual-clock.ts'
import type { Mailbox } from '../directors/director.ts'
import { Misconfigured } from '../mail/misconfigured.ts'
import { silentLog } from '../observe/log.ts'
import { type Arrived, transportContract } from './contract.ts'
import { mail, recipients } from './contract-mail.ts'
import { type Disk, localDisk } from './local-disk.ts'
import { type MaildirOptions, maildirTransport } from './maildir.ts'
import type { Outcome, Transport } from './transport.ts'

const RUNNING = { uid: 1000, gid: 1000 }
const maildir = (more: Partial<MaildirOptions> = {}): Transport =>
  maildirTransport({
    name: 'local',
    path: '~/Maildir',
    hostname: 'mx.example.test',
    runningAs: RUNNING,
    clock: manualClock(),
    log: silentLog,
    ...more,
  })

const scratch = async (): Promise<{ folder: string; mailbox: Mailbox & { root: string }; path: string }> => {
  const folder = await mkdtemp(join(tmpdir(), 'smail-maildir-'))
  const root = join(folder, 'root')
  const home = join(root, 'a.test', 'alice')
  return { folder, mailbox: { user: 'alice', home, root }, path: join(home, 'Maildir') }
}

const files = async (path: string): Promise<readonly string[]> => (await readdir(path).catch(() => [])).sort()

/** What a reader of Maildirs sees. */
const seen = async (path: string): Promise<readonly string[]> =>
  Promise.all((await files(join(path, 'new'))).map((name) => readFile(join(path, 'new', name), 'latin1')))

const arrived = async (path: string): Promise<readonly Arrived[]> =>
  (await seen(path)).map((text) => {
    const [, to = '', content = ''] = /^Return-Path: <[^\n]*>\nDelivered-To: ([^\n]*)\n(.*)$/s.exec(text) ?? []
    return { recipients: [to], content: content.replaceAll('\n', '\r\n') }
  })

const deliver = async (
  transport: Transport,
  mailbox: Mailbox,
  message = mail(['Subject: x\r\n\r\nHello\r\n']),
  to = recipients('alice@example.test'),
): Promise<readonly Outcome[]> => {
  const outcomes: Outcome[] = []
  const job = { message, recipients: to, to: { to: 'mailbox', transport: 'local', mailbox } } as const
  await transport.deliver(job, new AbortController().signal, (one) => outcomes.push(one))
  return outcomes
}

transportContract('maildir', async () => {
  const { folder, mailbox, path } = await scratch()
  return {
    transport: maildir({ disk: faultyDisk(localDisk, () => undefined) }),
    to: { to: 'mailbox', transport: 'local', mailbox },
    arrived: () => arrived(path),
    end: () => rm(folder, { recursive: true }),
    final: true,
    mayRefuse: ['nul'],
  }
})

test('a message lies in new, with LF, private, under a name of the rules; tmp is empty', async (t) => {
  const { folder, mailbox, path } = await scratch()
  t.after(() => rm(folder, { recursive: true }))
  const transport = maildir({ clock: manualClock(1_767_225_600_123), hostname: 'a/b:c' })
  const to = recipients('alice@example.test', 'alice@example.test')
  const sender = { local: 'a b', domain: 'else.test' }
  const outcomes = await deliver(transport, mailbox, mail(['Subject: x\r\n\r\n\xe9\r\n'], { sender }), to)
  assert.deepEqual(
    outcomes.map(({ diagnosis, ...rest }) => ({ ...rest, code: diagnosis.code, by: diagnosis.by })),
    to.map(({ key }) => ({ of: key, event: 'delivered', code: 250, by: 'local' })),
  )
  const text = 'Return-Path: <"a b"@else.test>\nDelivered-To: alice@example.test\nSubject: x\n\n\xe9\n'
  assert.deepEqual(await seen(path), [text, text])
  for (const name of await files(join(path, 'new'))) {
    assert.match(name, /^1767225600\.M123000P\d+Q[12]R[0-9a-f]{16}\.a\\057b\\072c,S=\d+$/)
    const { mode, size } = await stat(join(path, 'new', name))
    assert.equal(mode & 0o777, 0o600)
    assert.ok(name.endsWith(`,S=${size}`))
  }
  assert.deepEqual(await files(path), ['cur', 'new', 'tmp'])
  assert.deepEqual(await files(join(path, 'tmp')), [])
  assert.equal((await stat(join(path, 'cur'))).mode & 0o777, 0o700)
})

test('mail that was delivered to the very address before goes in circles; to another it may go', async (t) => {
  const { folder, mailbox, path } = await scratch()
  t.after(() => rm(folder, { recursive: true }))
  const again = mail([
    'Received: from x by y; z\r\nDelivered-To: Alice@',
    'Example.TEST\r\nDelivered-To: alice@example.test\r\n\r\nx\r\n',
  ])
  const outcomes = await deliver(maildir(), mailbox, again, recipients('alice@example.test', 'bob@example.test'))
  assert.deepEqual(
    outcomes.map(({ diagnosis: { code, status } }) => `${code} ${status}`),
    ['554 5.4.6', '250 2.0.0'],
  )
  assert.equal((await seen(path)).length, 1)
})

test('mail for other users than the one that runs us, or for anyone as root, is not delivered', async (t) => {
  const { folder, mailbox, path } = await scratch()
  t.after(() => rm(folder, { recursive: true }))
  const refused = async (transport: Transport, more: Partial<Mailbox>, why: RegExp) => {
    const matches = (error: unknown) => error instanceof Misconfigured && why.test(error.message)
    await assert.rejects(deliver(transport, { ...mailbox, ...more }), matches)
  }
  await refused(maildir(), { uid: 1001 }, /belongs to alice \(uid 1001, gid \?\), and Smail runs as uid 1000/)
  await refused(maildir(), { uid: 1000, gid: 8 }, /runs as uid 1000, gid 1000/)
  await refused(maildir({ runningAs: { uid: 0, gid: 0 } }), { uid: 0, gid: 0 }, /runs as root/)
  assert.deepEqual(await seen(path), [])
  assert.equal((await deliver(maildir(), { ...mailbox, ...RUNNING }))[0]?.diagnosis.code, 250)
  assert.equal((await deliver(maildir({ runningAs: { uid: 0, gid: 0 } }), mailbox))[0]?.diagnosis.code, 250)
})

test('hosts are not its affair', async () => {
  const to = { to: 'host', transport: 'local', destination: 'x', hosts: async () => [] } as const
  const job = { message: mail([]), recipients: recipients('a@b.test'), to }
  await assert.rejects(
    maildir().deliver(job, new AbortController().signal, () => assert.fail()),
    Misconfigured,
  )
})

test('a link on the way below the root parks the mail; nothing is written where it leads', async (t) => {
  const { folder, mailbox, path } = await scratch()
  t.after(() => rm(folder, { recursive: true }))
  const elsewhere = join(folder, 'elsewhere')
  await mkdir(elsewhere)
  for (const link of [join(path, 'new'), path, mailbox.home, join(mailbox.root, 'a.test')]) {
    await mkdir(join(link, '..'), { recursive: true })
    await symlink(elsewhere, link)
    await assert.rejects(deliver(maildir(), mailbox), Misconfigured, link)
    await rm(mailbox.root, { recursive: true })
  }
  assert.deepEqual(await files(elsewhere), [])
})

test('a home that is not there is waited for, and never made; a file in the way parks the mail', async (t) => {
  const { folder } = await scratch()
  t.after(() => rm(folder, { recursive: true }))
  const mailbox = { user: 'bob', home: join(folder, 'home'), ...RUNNING }
  const [outcome] = await deliver(maildir(), mailbox)
  assert.equal(outcome?.diagnosis.code, 451)
  assert.equal(outcome?.diagnosis.status, '4.3.0')
  assert.equal(outcome?.destinationDown, true)
  assert.ok(!(await files(folder)).includes('home'))
  await writeFile(mailbox.home, '')
  await assert.rejects(deliver(maildir(), mailbox), Misconfigured)
})

const ERRORS: readonly [code: string, answer: string, down?: true][] = [
  ['ENOSPC', '452 4.3.1'],
  ['EDQUOT', '452 4.2.2'],
  ['EFBIG', '452 4.2.2'],
  ['EACCES', '451 4.3.0', true],
  ['EROFS', '451 4.3.0', true],
  ['EIO', '451 4.3.0', true],
  ['EMFILE', '451 4.3.0'],
]

test('errors of the system are told as replies that give nothing internal away', async (t) => {
  const { folder, mailbox } = await scratch()
  t.after(() => rm(folder, { recursive: true }))
  for (const [code, answer, down] of ERRORS) {
    const disk = faultyDisk(localDisk, (_, what) => (what === 'write' ? { code } : undefined))
    const [outcome] = await deliver(maildir({ disk }), mailbox)
    assert.equal(`${outcome?.diagnosis.code} ${outcome?.diagnosis.status}`, answer)
    assert.equal(outcome?.destinationDown, down)
    assert.doesNotMatch(outcome?.diagnosis.lines.join() ?? '', /made up|\/|E[A-Z]{3}/)
  }
})

/** One delivery with these faults, then one without; what a reader sees after each. */
const twice = async (faults: Faults) => {
  const { folder, mailbox, path } = await scratch()
  try {
    const disk = faultyDisk(localDisk, faults)
    const code = async (on: Disk) => (await deliver(maildir({ disk: on }), mailbox))[0]?.diagnosis.code
    const first = { code: await code(disk), seen: (await seen(path)).length }
    const second = {
      code: first.code === 250 ? 250 : await code(faultyDisk(localDisk, () => undefined)),
      seen: (await seen(path)).length,
    }
    return { first, second, steps: disk.steps }
  } finally {
    await rm(folder, { recursive: true })
  }
}

test('whichever step fails, before or after it was done: nothing to be seen, and the next try delivers once', async () => {
  const { steps } = await twice(() => undefined)
  assert.ok(steps.length > 15, steps.join())
  for (const fault of [{ code: 'ENOSPC' }, { code: 'EIO', after: true }] satisfies Fault[]) {
    for (const [at, what] of steps.entries()) {
      const { first, second } = await twice((step) => (step === at ? fault : undefined))
      const where = `${fault.code} at step ${at}, ${what}`
      assert.equal(first.seen, first.code === 250 ? 1 : 0, where)
      assert.equal(first.code, fault.code === 'EIO' ? 451 : 452, where)
      assert.deepEqual(second, { code: 250, seen: 1 }, where)
    }
  }
})

test('when everything fails from one step on, as in a crash, nothing half done is seen and nothing is lost', async () => {
  const { steps } = await twice(() => undefined)
  const moved = steps.lastIndexOf('rename')
  for (const after of [false, true]) {
    for (const [at, what] of steps.entries()) {
      const { first, second } = await twice((step) =>
        step < at ? undefined : { code: 'EIO', ...(after && step === at ? { after: true } : {}) },
      )
      // Moved, and then neither known to be safe nor to be taken back: whoever cannot tell delivers again.
      const visible = at > moved || (at === moved && after) ? 1 : 0
      assert.deepEqual(first, { code: 451, seen: visible }, `${at} ${what}`)
      assert.deepEqual(second, { code: 250, seen: visible + 1 }, `${at} ${what}`)
    }
  }
})

test('what is in new was synced before, and the folder after', async () => {
  const { steps } = await twice(() => undefined)
  const [write, sync, rename] = ['write', 'sync', 'rename'].map((what) => steps.lastIndexOf(what))
  assert.ok(write !== undefined && sync !== undefined && rename !== undefined)
  assert.ok(0 < write && write < sync && sync < rename)
  assert.equal(steps.at(-1), 'syncFolder')
  assert.equal(rename, steps.length - 2)
})

test('a quota holds for what is there, in all folders, and for what is there by then', async (t) => {
  const { folder, mailbox, path } = await scratch()
  t.after(() => rm(folder, { recursive: true }))
  await mkdir(join(path, '.Old', 'cur'), { recursive: true })
  await writeFile(join(path, '.Old', 'cur', '1.x.mx:2,S'), Buffer.alloc(500))
  const transport = maildir()
  const held = { ...mailbox, quota: { octets: 640, whenFull: 'defer' } } as const
  const status = async () =>
    (await deliver(transport, held)).map(({ diagnosis }) => `${diagnosis.code} ${diagnosis.status}`)
  assert.equal((await transport.refuses?.(held, 201))?.status, '4.2.2')
  assert.deepEqual(await status(), ['250 2.0.0'])
  assert.deepEqual(await status(), ['250 2.0.0'])
  assert.deepEqual(await status(), ['452 4.2.2'])
  assert.equal((await seen(path)).length, 2)
  assert.deepEqual(await files(join(path, 'tmp')), [])
  await rm(join(path, '.Old'), { recursive: true })
  assert.deepEqual(await status(), ['250 2.0.0'])
})
