import assert from 'node:assert/strict'
import { access, link, mkdir, mkdtemp, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Fault, type Faults, faultyDisk } from '../../test/doubles/faulty-disk.ts'
import { Misconfigured } from '../mail/misconfigured.ts'
import type { Clock } from '../observe/clock.ts'
import { silentLog } from '../observe/log.ts'
import { type Arrived, transportContract } from './contract.ts'
import { mail, recipients } from './contract-mail.ts'
import { localDisk } from './local-disk.ts'
import type { ThisProcess } from './local-lock.ts'
import { type MboxOptions, mboxTransport } from './mbox.ts'
import type { Outcome, Transport } from './transport.ts'

const NOW = Date.UTC(2026, 0, 4, 5, 6, 7)
const LIFE: ThisProcess = { pid: 4321, host: 'mx', life: 'one', isAlive: (pid) => pid === 4321 || pid === 99 }

const unsynced = faultyDisk(localDisk, () => undefined)

const mbox = (folder: string, more: Partial<MboxOptions> = {}): Transport =>
  mboxTransport({
    name: 'local',
    path: join(folder, `\${user}`),
    hostname: 'mx',
    runningAs: { uid: 1000, gid: 1000 },
    clock: impatient(),
    log: silentLog,
    process: LIFE,
    ...more,
  })

const scratch = async (t?: { after(run: () => Promise<void>): void }): Promise<{ folder: string; path: string }> => {
  const folder = await mkdtemp(join(tmpdir(), 'smail-mbox-'))
  t?.after(() => rm(folder, { recursive: true }))
  return { folder, path: join(folder, 'alice') }
}

const text = (path: string): Promise<string> => readFile(path, 'latin1').catch(() => '')
const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )

/** The messages of a mailbox, as a program reads them that knows mboxrd. */
const messages = async (path: string): Promise<readonly string[]> => {
  const all = await text(path)
  if (all === '') return []
  assert.ok(all.startsWith('From ') && all.endsWith('\n\n'), all.slice(-200))
  return all
    .slice(0, -1)
    .split(/(?<=^|\n\n)(?=From )/)
    .map((one, i, { length }) => (i < length - 1 ? one.slice(0, -1) : one))
    .map((one) => one.replace(/^From .*\n/, '').replace(/(?<=^|\n)>(>*From )/g, '$1'))
}

const arrived = async (path: string): Promise<readonly Arrived[]> =>
  (await messages(path)).map((one) => {
    const [, to = '', content = ''] = /^Return-Path: <[^\n]*>\nDelivered-To: ([^\n]*)\n(.*)$/s.exec(one) ?? []
    return { recipients: [to], content: content.replaceAll('\n', '\r\n') }
  })

const deliver = async (
  transport: Transport,
  chunks: readonly string[] = ['Subject: x\r\n\r\nHello\r\n'],
  signal = new AbortController().signal,
): Promise<Outcome | undefined> => {
  const outcomes: Outcome[] = []
  const to = { to: 'mailbox', transport: 'local', mailbox: { user: 'alice', home: '/none' } } as const
  await transport.deliver(
    { message: mail(chunks), recipients: recipients('alice@example.test'), to },
    signal,
    (one) => {
      outcomes.push(one)
    },
  )
  assert.equal(outcomes.length, 1)
  return outcomes[0]
}
const code = async (transport: Transport): Promise<number | undefined> => (await deliver(transport))?.diagnosis.code

transportContract('mbox', async () => {
  const { folder, path } = await scratch()
  return {
    transport: mbox(folder, { disk: unsynced }),
    to: { to: 'mailbox', transport: 'local', mailbox: { user: 'alice', home: '/none' } },
    arrived: () => arrived(path),
    end: () => rm(folder, { recursive: true }),
    final: true,
    mayRefuse: ['nul'],
  }
})

const HEAD = 'From sender@else.test Sun Jan  4 05:06:07 2026\n'
const TOP = 'Return-Path: <sender@else.test>\nDelivered-To: alice@example.test\n'
const ONE = `${HEAD}${TOP}Subject: x\n\nHello\n\n`

test('a message begins with its From line and ends with an empty line; the file is private and the lock gone', async (t) => {
  const { folder, path } = await scratch(t)
  const transport = mbox(folder)
  await deliver(transport, ['Subject: x\r\n\r\n>From a\r\nFrom b'])
  await deliver(transport)
  assert.equal(await text(path), `${HEAD}${TOP}Subject: x\n\n>>From a\n>From b\n\n${ONE}`)
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  assert.equal(await exists(`${path}.lock`), false)
})

test('reports come from MAILER-DAEMON, and white space of a sender does not break the From line', async (t) => {
  const { folder, path } = await scratch(t)
  const to = { to: 'mailbox', transport: 'local', mailbox: { user: 'alice', home: '/none' } } as const
  for (const sender of [null, { local: 'a b', domain: 'else.test' }]) {
    const job = { message: mail([], { sender }), recipients: recipients('alice@example.test'), to }
    await mbox(folder).deliver(job, new AbortController().signal, () => {})
  }
  const heads = (await text(path)).match(/^From .*$/gm)
  assert.deepEqual(heads, [
    'From MAILER-DAEMON Sun Jan  4 05:06:07 2026',
    'From "a-b"@else.test Sun Jan  4 05:06:07 2026',
  ])
})

test('a mailbox that does not end in an empty line gets one first', async (t) => {
  const { folder, path } = await scratch(t)
  for (const [end, gap] of [
    ['x', '\n\n'],
    ['x\n', '\n'],
    ['x\n\n', ''],
    ['\n', ''],
  ] as const) {
    await writeFile(path, end)
    await deliver(mbox(folder))
    assert.equal(await text(path), `${end}${gap}${ONE}`)
  }
})

test('what is no mailbox is not written to: links, second names, folders', async (t) => {
  const { folder, path } = await scratch(t)
  const other = join(folder, 'other')
  await writeFile(other, '')
  for (const make of [() => symlink(other, path), () => link(other, path), () => mkdir(path)]) {
    await make()
    await assert.rejects(deliver(mbox(folder)), Misconfigured)
    assert.equal(await exists(`${path}.lock`), false)
    await rm(path, { recursive: true })
  }
  assert.equal(await text(other), '')
})

test('folders above a mailbox in a home are made, the home is not', async (t) => {
  const { folder } = await scratch(t)
  const to = (home: string) => ({ to: 'mailbox', transport: 'local', mailbox: { user: 'a', home } }) as const
  const codes: number[] = []
  for (const home of [folder, join(folder, 'none')]) {
    const job = { message: mail([]), recipients: recipients('a@b.test'), to: to(home) }
    const settled = ({ diagnosis }: Outcome) => void codes.push(diagnosis.code)
    await mbox(folder, { path: '~/mail/inbox' }).deliver(job, new AbortController().signal, settled)
  }
  assert.deepEqual(codes, [250, 451])
  assert.match(await text(join(folder, 'mail/inbox')), /^From sender/)
})

/** A clock on which time passes only, and at once, when somebody waits for it; `met` is told the time before it goes on. */
const impatient = (met: (now: number) => Promise<void> = async () => {}): Clock => {
  let now = NOW
  return {
    now: () => now,
    after(ms, run) {
      let off = false
      void Promise.resolve(now)
        .then(met)
        .then(() => {
          if (off) return
          now += ms
          run()
        })
      return {
        cancel() {
          off = true
        },
      }
    },
  }
}

test('a lock that is held is waited for, for half a minute', async (t) => {
  const { folder, path } = await scratch(t)
  const clock = impatient()
  await writeFile(`${path}.lock`, '99\n')
  await utimes(`${path}.lock`, NOW / 1000, NOW / 1000)
  const outcome = await deliver(mbox(folder, { clock }))
  assert.equal(outcome?.diagnosis.code, 450)
  assert.equal(outcome?.destinationDown, undefined)
  assert.equal(clock.now() - NOW, 30_000)
  assert.equal(await text(path), '')
  assert.equal(await text(`${path}.lock`), '99\n')

  const freed = impatient((now) => (now - NOW === 2000 ? rm(`${path}.lock`) : Promise.resolve()))
  assert.equal(await code(mbox(folder, { clock: freed })), 250)
  assert.equal(freed.now() - NOW, 2500)
})

test('waiting for a lock ends when the delivery is called off', async (t) => {
  const { folder, path } = await scratch(t)
  await writeFile(`${path}.lock`, '99\n')
  await utimes(`${path}.lock`, NOW / 1000, NOW / 1000)
  const off = new AbortController()
  const clock = impatient(async (now) => {
    if (now - NOW === 2000) off.abort()
  })
  const outcome = await deliver(mbox(folder, { clock }), [], off.signal)
  assert.equal(outcome?.diagnosis.status, '4.3.2')
  assert.equal(clock.now() - NOW, 2000)
})

test('whose lock is left behind, and whose is not', async (t) => {
  const { folder, path } = await scratch(t)
  const minutes = 60_000
  const cases: readonly [content: string, age: number, left: boolean][] = [
    ['', 4 * minutes, false],
    ['', 6 * minutes, true],
    ['procmail', 6 * minutes, true],
    ['99\n', 30 * minutes, false],
    ['99\n', 61 * minutes, true],
    ['98\n', 4 * minutes, false],
    ['98\n', 6 * minutes, true],
    ['99\nmx\nzero\n', 30 * minutes, false],
    ['98\nmx\nzero\n', 0, true],
    ['98\nother\nzero\n', 4 * minutes, false],
    ['98\nother\nzero\n', 6 * minutes, true],
    ['4321\nmx\nzero\n', 0, true],
    ['4321\nmx\none\n', 30 * minutes, false],
  ]
  for (const [content, age, left] of cases) {
    await writeFile(`${path}.lock`, content)
    await utimes(`${path}.lock`, (NOW - age) / 1000, (NOW - age) / 1000)
    const found = await code(mbox(folder, { clock: impatient() }))
    assert.equal(found, left ? 250 : 450, `${JSON.stringify(content)} after ${age / minutes} minutes`)
    await rm(`${path}.lock`, { force: true })
  }
})

const OLD = 'From old@x.test Sun Jan  4 05:00:00 2026\nSubject: old\n\nold\n\n'

test('an append that a crash cut short is taken back; what others wrote is not', async (t) => {
  const { folder, path } = await scratch(t)
  const first = HEAD.trimEnd()
  const foreign = 'From other@y.test Sun Jan  4 05:06:08 2026\nSubject: other\n\n\n'
  const lock = `98\nmx\nzero\n${OLD.length}\n${first}\n.\n`
  const cases: readonly [content: string, lock: string, kept: string][] = [
    [`${OLD}${ONE.slice(0, 20)}`, lock, OLD],
    [`${OLD}${ONE.slice(0, 100)}`, lock, OLD],
    [`${OLD}${ONE}`, lock, OLD],
    [`${OLD}\n${ONE.slice(0, 60)}`, lock, OLD],
    [`${OLD}${HEAD}${'x'.repeat(300_000)}`, lock, OLD],
    [OLD, lock, OLD],
    ['', lock, ''],
    // A lock whose plan is not whole was not followed by an append.
    [`${OLD}${ONE}`, lock.slice(0, -2), `${OLD}${ONE}`],
    [`${OLD}${foreign}`, lock, `${OLD}${foreign}`],
    [`${OLD}${ONE}${foreign}`, lock, `${OLD}${ONE}${foreign}`],
    [
      `${OLD}${HEAD}${'x'.repeat(65_536 - 2)}\n\n${foreign}`,
      lock,
      `${OLD}${HEAD}${'x'.repeat(65_536 - 2)}\n\n${foreign}`,
    ],
  ]
  for (const [index, [content, left, kept]] of cases.entries()) {
    await writeFile(path, content)
    await writeFile(`${path}.lock`, left)
    assert.equal(await code(mbox(folder)), 250)
    const whole = kept === '' || kept.endsWith('\n\n') ? kept : `${kept}\n\n`
    assert.equal(await text(path), `${whole}${ONE}`, `case ${index}`)
    assert.equal(await exists(`${path}.lock`), false)
  }
})

/** What is in the mailbox, whenever it was written. */
const timeless = async (path: string): Promise<string> => (await text(path)).replaceAll(/(?<= 05:0\d:)\d\d/g, '07')
const OLDER = OLD.replace('05:00:00', '05:00:07')

/** One delivery with these faults into a mailbox that holds a message, and what is there then. */
const once = async (faults: Faults) => {
  const { folder, path } = await scratch()
  await writeFile(path, OLD)
  const disk = faultyDisk(localDisk, faults)
  const transport = mbox(folder, { disk, clock: impatient() })
  const first = { code: await code(transport), text: await timeless(path) }
  return { folder, path, disk, transport, first, end: () => rm(folder, { recursive: true }) }
}

/** Delivers; a lock that does not say whose it is may have to get old first. */
const inTime = async (transport: Transport, path: string): Promise<number | undefined> => {
  const first = await code(transport)
  const lock = await text(`${path}.lock`)
  if (first !== 450 || /^\d+\nmx\n[a-z]+\n/.test(lock)) return first
  await utimes(`${path}.lock`, NOW / 1000 - 600, NOW / 1000 - 600)
  return await code(transport)
}

test('whichever step fails, before or after it was done: the mailbox is as it was, and the next try delivers once', async () => {
  const plain = await once(() => undefined)
  await plain.end()
  const { steps } = plain.disk
  assert.ok(steps.length > 12, steps.join())
  for (const fault of [{ code: 'ENOSPC' }, { code: 'EIO', after: true }] satisfies Fault[]) {
    for (const [at, what] of steps.entries()) {
      const where = `${fault.code} at step ${at}, ${what}`
      const { transport, path, first, end } = await once((step) => (step === at ? fault : undefined))
      assert.equal(first.text, first.code === 250 ? `${OLDER}${ONE}` : OLDER, where)
      if (first.code !== 250) assert.equal(await inTime(transport, path), 250, where)
      assert.equal(await timeless(path), `${OLDER}${ONE}`, where)
      assert.equal(await code(transport), 250, where)
      assert.equal(await timeless(path), `${OLDER}${ONE}${ONE}`, where)
      assert.equal(await exists(`${path}.lock`), false, where)
      await end()
    }
  }
})

test('an append that could not be taken back at once is taken back before the next one', async () => {
  const failing = new Set(['write 2', 'truncate 0'])
  const seen = new Map<string, number>()
  const { transport, path, first, end } = await once((_, what) => {
    const count = seen.get(what) ?? 0
    seen.set(what, count + 1)
    return failing.has(`${what} ${count}`) ? { code: 'EIO', ...(what === 'write' ? { after: true } : {}) } : undefined
  })
  assert.equal(first.code, 451)
  assert.ok(first.text.length > OLDER.length, 'some of it is there')
  assert.equal(await code(transport), 250)
  assert.equal(await timeless(path), `${OLDER}${ONE}`)
  assert.equal(await exists(`${path}.lock`), false)
  await end()
})

test('deliveries of our own into one mailbox wait for each other, and not for the clock', async (t) => {
  const { folder, path } = await scratch(t)
  const transport = mbox(folder, { clock: impatient(() => assert.fail('waited')), disk: unsynced })
  const codes = await Promise.all(Array.from({ length: 20 }, () => code(transport)))
  assert.deepEqual(new Set(codes), new Set([250]))
  assert.equal(await text(path), ONE.repeat(20))
})

test('when everything fails from one step on, as in a crash, the next life takes back what was begun and delivers once', async () => {
  const plain = await once(() => undefined)
  await plain.end()
  const { steps } = plain.disk
  const kept = steps.lastIndexOf('truncate')
  assert.ok(kept > steps.lastIndexOf('write'))
  const again = (folder: string) =>
    mbox(folder, { disk: unsynced, clock: impatient(), process: { ...LIFE, life: 'two' } })
  for (const after of [false, true]) {
    for (const [at, what] of steps.entries()) {
      const where = `${after ? 'after' : 'before'} step ${at}, ${what}`
      const faults: Faults = (step) =>
        step < at ? undefined : { code: 'EIO', ...(after && step === at ? { after: true } : {}) }
      const { folder, path, first, end } = await once(faults)
      assert.equal(await inTime(again(folder), path), 250, where)
      // Told to stay, and the lock could not be asked about it: whoever cannot tell delivers again.
      const certain = first.code === 250 || at > kept || (at === kept && after)
      assert.equal(await timeless(path), certain ? `${OLDER}${ONE}${ONE}` : `${OLDER}${ONE}`, where)
      assert.equal(await exists(`${path}.lock`), false, where)
      await end()
    }
  }
})

test('the lock says what is planned, safely, before anything is appended, and the append is safe before it is kept', async () => {
  const { disk, end } = await once(() => undefined)
  await end()
  assert.deepEqual(
    disk.steps.filter((what) => !/^(status|fileStatus|read)$/.test(what)),
    [
      'create',
      'write',
      'append',
      'write',
      'sync',
      'syncFolder',
      'write',
      'write',
      'sync',
      'truncate',
      'sync',
      'close',
      'close',
      'remove',
    ],
  )
})

test('a quota holds for the file', async (t) => {
  const { folder, path } = await scratch(t)
  await writeFile(path, 'x'.repeat(500))
  const transport = mbox(folder)
  const mailbox = { user: 'alice', home: '/none', quota: { octets: 550, whenFull: 'refuse' } } as const
  const nobody = { ...mailbox, user: 'nobody' }
  const status = async (octets: number, of: typeof mailbox | typeof nobody = mailbox) =>
    (await transport.refuses?.(of, octets))?.status
  assert.deepEqual([await status(50), await status(51), await status(551)], [undefined, '5.2.2', '5.2.3'])
  assert.deepEqual([await status(550, nobody), await exists(join(folder, 'nobody'))], [undefined, false])
  const outcomes: Outcome[] = []
  const to = { to: 'mailbox', transport: 'local', mailbox } as const
  const job = {
    message: mail([`Subject: x\r\n\r\n${'y'.repeat(60)}\r\n`]),
    recipients: recipients('alice@example.test'),
    to,
  }
  await transport.deliver(job, new AbortController().signal, (one) => outcomes.push(one))
  assert.equal(outcomes[0]?.diagnosis.status, '5.2.2')
  assert.equal((await text(path)).length, 500)
})
