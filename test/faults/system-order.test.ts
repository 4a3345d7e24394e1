import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import { compiled } from './fixtures/syscall-log.ts'
import { brokenPromises, type Calls, readCalls, type Taken, unsafeDeliveries } from './system-calls.ts'
import { sendMail } from './system-client.ts'
import { onStage } from './system-stage.ts'

// kill -9 leaves the page cache as it was. Whether an acknowledgement waits for the disk, only system calls tell.

let folder: string
let library: string | undefined

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'smail-order-'))
  library = compiled(folder)
})
after(() => rmSync(folder, { recursive: true }))

const CLIENTS = 8
const MAILS = 4

const mailOf = (mark: string, large: boolean) => ({
  from: `${mark}@client.test`,
  to: ['bob@home.test', 'host@elsewhere.test'],
  body: ['Subject: hello', '', ...Array.from({ length: large ? 3000 : 3 }, () => 'x'.repeat(60)), ''].join('\r\n'),
})

/** Has a whole MTA take and deliver mail, small and large by turns, from clients that send at the same time. */
const observe = (preload: string, mistake?: string): Promise<{ calls: Calls; mails: readonly Taken[] }> =>
  onStage(async ({ site, process }) => {
    const log = join(site.folder, 'calls')
    const marks = { SYSCALLS_LOG: log, SYSCALLS_MARK: 'mark-', SYSCALLS_SAID: 'queued as ' }
    const mta = process(
      mistake === undefined
        ? { preload, env: marks }
        : { preload, env: { ...marks, SYSTEM_MISTAKE: mistake }, broken: ['mistaken-sqlite.ts', 'spool/sqlite.ts'] },
    )
    const port = await mta.start({ settings: site.settings, log: site.log })
    const mails: Taken[] = []
    const client = async (name: number): Promise<void> => {
      const turns = Array.from({ length: MAILS }, (_, i) => ({
        mark: `mark-${name}-${i}`,
        large: (name + i) % 2 === 0,
      }))
      const replies = await sendMail(
        port,
        turns.map(({ mark, large }) => mailOf(mark, large)),
        name % 2 === 0,
      )
      for (const [i, turn] of turns.entries()) {
        const id = /^250 .*queued as (\S+)$/.exec(replies[i] ?? '')?.[1]
        assert.ok(id, replies[i])
        mails.push({ ...turn, id })
      }
    }
    await Promise.all(Array.from({ length: CLIENTS }, (_, i) => client(i)))
    await mta.ask({ do: 'empty' })
    await mta.leave()
    return { calls: readCalls(log), mails }
  })

const withLibrary = (run: (library: string) => Promise<void>) => async (context: TestContext) => {
  if (library === undefined) return context.skip('needs a C compiler (cc)')
  await run(library)
}

test(
  'no 250 is on the wire before its mail is durable, and no mail is seen in a mailbox before it is',
  withLibrary(async (library) => {
    const { calls, mails } = await observe(library)
    assert.equal(mails.length, CLIENTS * MAILS)
    assert.deepEqual(brokenPromises(calls, mails), [])
    assert.deepEqual(unsafeDeliveries(calls), [])
    assert.ok(calls.some(([call, , to]) => call === 'rename' && to?.includes('/Maildir/new/')))
  }),
)

const MISTAKES: Readonly<Record<string, RegExp>> = {
  'no sync of the log': /the log was not synced/,
  'no sync of the body': /the body was not synced before it was moved/,
  'no sync of the folder': /the folder was not synced before the row was written/,
  'reply before commit': /the log was not synced/,
}

for (const [mistake, complaint] of Object.entries(MISTAKES))
  test(
    `${mistake}: it is noticed`,
    withLibrary(async (library) => {
      const { calls, mails } = await observe(library, mistake)
      const broken = brokenPromises(calls, mails)
      assert.ok(broken.length > 0)
      for (const promise of broken) assert.match(promise, complaint)
    }),
  )
