import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import { compiled } from './fixtures/syscall-log.ts'
import { type Acknowledged, type Mail, sendMail } from './system-client.ts'
import type { Site } from './system-site.ts'
import { onStage, type Stage } from './system-stage.ts'

let folder: string
let library: string | undefined

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'smail-disk-'))
  library = compiled(folder)
})
after(() => rmSync(folder, { recursive: true }))

const withLibrary = (run: (library: string) => Promise<void>) => async (context: TestContext) => {
  if (library === undefined) return context.skip('needs a C compiler (cc)')
  await run(library)
}

const { ENOSPC, EROFS, EIO } = constants.errno
const SMALL = 3
/** Lines of a body that is kept in a file of its own. */
const LARGE = 3000

const mailOf = (token: string, lines: number, to: readonly string[] = ['bob@home.test']): Mail => ({
  from: 'sender@client.test',
  to,
  body: [`Message-ID: <${token}@client.test>`, '', ...Array.from({ length: lines }, () => 'x'.repeat(60)), ''].join(
    '\r\n',
  ),
})

const sendOne = async (port: number, mail: Mail): Promise<Acknowledged> => (await sendMail(port, [mail]))[0]

/** Every mail that was acknowledged is there once; of the others, none twice. */
const verify = (site: Site, sent: ReadonlyMap<Mail, Acknowledged>): void => {
  const seen = site.mailbox('bob')
  const known = new Set<string>()
  for (const [{ body }, reply] of sent) {
    const text = body.replaceAll('\r\n', '\n')
    known.add(text)
    const copies = seen.filter((one) => one === text).length
    if (reply?.startsWith('250')) assert.equal(copies, 1, `${text.slice(0, 40)}: ${copies} copies`)
    else assert.ok(copies <= 1)
  }
  assert.deepEqual(
    seen.filter((one) => !known.has(one)),
    [],
  )
}

interface Trouble {
  readonly what: string
  /** As `syscalls.c` reads them. */
  readonly calls: (site: Site) => string
  readonly small: RegExp
  readonly large: RegExp
}

const spoolFails = (errno: number, calls: readonly string[]) => () =>
  calls.map((call) => `${call}:/spool/:${errno}\n`).join('')

const FULL = /^452 4\.3\.1 /
const BROKEN = /^451 4\.3\.0 /

const TROUBLES: readonly Trouble[] = [
  { what: 'no room', calls: spoolFails(ENOSPC, ['write', 'open']), small: FULL, large: FULL },
  {
    what: 'a disk that became read-only',
    calls: spoolFails(EROFS, ['write', 'open', 'rename']),
    small: BROKEN,
    large: BROKEN,
  },
  { what: 'a disk that cannot write', calls: spoolFails(EIO, ['write']), small: BROKEN, large: BROKEN },
  { what: 'syncs that fail', calls: spoolFails(EIO, ['sync']), small: BROKEN, large: BROKEN },
]

for (const { what, calls, small, large } of TROUBLES)
  test(
    `${what}: mail is put off, none is lost, and all goes on when it is over`,
    withLibrary((preload) =>
      onStage(async ({ site, process }) => {
        const trouble = join(site.folder, 'trouble')
        const mta = process({ preload, env: { SYSCALLS_FAIL_WHILE: trouble } })
        const port = await mta.start({ settings: site.settings, log: site.log })
        const sent = new Map<Mail, Acknowledged>()
        const send = async (mail: Mail): Promise<Acknowledged> => {
          const reply = await sendOne(port, mail)
          sent.set(mail, reply)
          return reply
        }
        // Some of these are still being delivered when it begins.
        await Promise.all(Array.from({ length: 10 }, (_, i) => send(mailOf(`before-${i}`, i % 2 ? SMALL : LARGE))))
        writeFileSync(trouble, calls(site))
        for (let i = 0; i < 3; i += 1) {
          assert.match((await send(mailOf(`small-${i}`, SMALL))) ?? '', small)
          assert.match((await send(mailOf(`large-${i}`, LARGE))) ?? '', large)
        }
        rmSync(trouble)
        for (let i = 0; i < 3; i += 1) {
          assert.match((await send(mailOf(`small-after-${i}`, SMALL))) ?? '', /^250 /)
          assert.match((await send(mailOf(`large-after-${i}`, LARGE))) ?? '', /^250 /)
        }
        await mta.ask({ do: 'settled' })
        verify(site, sent)
        await mta.ask({ do: 'sweep' })
        assert.deepEqual(site.leftovers(), [])
        await mta.leave()
      }),
    ),
  )

test(
  'mailboxes without room: the mail waits, and comes when there is',
  withLibrary((preload) =>
    onStage(async ({ site, process }) => {
      const trouble = join(site.folder, 'trouble')
      const mta = process({ preload, env: { SYSCALLS_FAIL_WHILE: trouble } })
      const port = await mta.start({ settings: site.settings, log: site.log })
      const sent = new Map<Mail, Acknowledged>()
      writeFileSync(trouble, `write:/Maildir/:${ENOSPC}\n`)
      for (const mail of [mailOf('a', SMALL), mailOf('b', LARGE)]) sent.set(mail, await sendOne(port, mail))
      await mta.ask({ do: 'logged', event: 'deferred', times: 2 })
      assert.deepEqual(site.mailbox('bob'), [])
      rmSync(trouble)
      await mta.ask({ do: 'settled' })
      verify(site, sent)
      await mta.leave()
    }),
  ),
)

// Of the system, and no dependency of ours.
const MOUNT = 'mount'
const UMOUNT = 'umount'

const mounted = (folder: string, megabytes: number): boolean =>
  spawnSync(MOUNT, ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'smail-test', folder]).status === 0

/** With the spool on a small file system of its own. */
const onSmallDisk = async (context: TestContext, run: (stage: Stage, disk: string) => Promise<void>): Promise<void> => {
  const disk = mkdtempSync(join(folder, 'small-'))
  if (!mounted(disk, 40)) return context.skip('needs the right to mount')
  try {
    await onStage((stage) => run(stage, disk), { spool: join(disk, 'spool') })
  } finally {
    spawnSync(UMOUNT, [disk])
  }
}

/** Leaves no room at all. */
const fill = (file: string): void => {
  const handle = openSync(file, 'a')
  try {
    for (const octets of [65_536, 1]) {
      try {
        for (;;) writeSync(handle, Buffer.alloc(octets))
      } catch (error) {
        if ((error as { code?: unknown }).code !== 'ENOSPC') throw error
      }
    }
  } finally {
    closeSync(handle)
  }
}

test('a file system that is really full: 452, nothing lost, and on it goes', (context) =>
  onSmallDisk(context, async ({ site, process }, disk) => {
    const mta = process()
    const port = await mta.start({ settings: site.settings, log: site.log })
    const sent = new Map<Mail, Acknowledged>()
    const filler = join(disk, 'filler')
    const send = async (token: string, lines: number): Promise<string> => {
      const mail = mailOf(token, lines)
      const reply = await sendOne(port, mail)
      sent.set(mail, reply)
      return reply ?? 'closed'
    }
    for (const round of [1, 2]) {
      const refusals: string[] = []
      // What the spool has already is used to the end, so that many small ones may still be taken.
      for (let i = 0; refusals.length < 5; i += 1) {
        if (i === 2) fill(filler)
        const some = Array.from({ length: 10 }, (_, j) => send(`round-${round}-${i}-${j}`, j < 5 ? 1500 : 5000))
        refusals.push(...(await Promise.all(some)).filter((reply) => !reply.startsWith('250')))
      }
      for (const refusal of refusals) assert.match(refusal, FULL)
      rmSync(filler)
      assert.match(await send(`small-after-${round}`, SMALL), /^250 /)
      assert.match(await send(`large-after-${round}`, LARGE), /^250 /)
    }
    await mta.ask({ do: 'settled' })
    verify(site, sent)
    await mta.leave()
  }))

test('a file system that is read-only from the start: the start is refused, with the reason', (context) =>
  onSmallDisk(context, async ({ site, process }, disk) => {
    const first = process()
    await first.start({ settings: site.settings, log: site.log })
    await first.leave()
    assert.equal(spawnSync(MOUNT, ['-o', 'remount,ro', disk]).status, 0)
    const second = process()
    await assert.rejects(second.start({ settings: site.settings, log: site.log }), /read-?only|EROFS/i)
    spawnSync(MOUNT, ['-o', 'remount,rw', disk])
    const third = process()
    const port = await third.start({ settings: site.settings, log: site.log })
    assert.match((await sendOne(port, mailOf('again', SMALL))) ?? '', /^250 /)
    await third.ask({ do: 'settled' })
    await third.leave()
  }))
