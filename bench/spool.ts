import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../src/observe/clock.ts'
import { silentLog } from '../src/observe/log.ts'
import type { Claim, MessageRecord, Spool } from '../src/spool/spool.ts'
import { openSqliteSpool } from '../src/spool/sqlite.ts'

const clock = systemClock()

const record = (i: number, octets: number): MessageRecord => ({
  sender: { local: `sender${i % 50}`, domain: 'example.org' },
  params: { SIZE: `${octets}`, BODY: '8BITMIME' },
  recipients: [
    { address: { local: `r${i}`, domain: `d${i % 200}.example` }, params: {}, lane: `smtp/d${i % 200}.example` },
  ],
  prefix: Buffer.from(
    `Received: from client.example (client.example [192.0.2.1]) by mx.example.org with ESMTP id ${i};\r\n`,
  ),
  bodyFrom: 0,
  facts: {
    octets,
    encoding: '8bit',
    longestLine: 78,
    eightBitHeader: false,
    bareNewline: false,
    nul: false,
    endsWithNewline: true,
    headerOctets: 300,
  },
  origin: { listener: 'mx', peer: '192.0.2.1', helo: 'client.example', protocol: 'ESMTP', kind: 'MAIL' },
  schedule: {},
  accepted: clock.now(),
  history: ['accepted from 192.0.2.1'],
})

interface Figures {
  readonly perSecond: number
  /** Microseconds of all threads, a message. */
  readonly cpu: number
  /** Microseconds of the main thread alone. */
  readonly main: number
}

const measured = async (messages: number, work: () => Promise<void>): Promise<Figures> => {
  const [start, cpu, main] = [performance.now(), process.cpuUsage(), process.threadCpuUsage()]
  await work()
  const ms = performance.now() - start
  const [all, ours] = [process.cpuUsage(cpu), process.threadCpuUsage(main)]
  return {
    perSecond: (messages / ms) * 1000,
    cpu: (all.user + all.system) / messages,
    main: (ours.user + ours.system) / messages,
  }
}

const say = (what: string, { perSecond, cpu, main }: Figures): void => {
  const figures = [
    `${Math.round(perSecond)}/s`,
    `${Math.round(cpu)} us CPU`,
    `${Math.round(main)} us of the main thread`,
  ]
  process.stdout.write(`${what.padEnd(36)} ${figures.map((figure) => figure.padStart(14)).join('  ')}\n`)
}

const put = async (spool: Spool, i: number, body: Uint8Array, chunk = 65_536): Promise<void> => {
  const draft = spool.open()
  for (let at = 0; at < body.length; at += chunk) await draft.write(body.subarray(at, at + chunk))
  await draft.commit(record(i, body.length))
}

/** `producers` at a time, each its next message when the last is durable. */
const produce = async (spool: Spool, producers: number, messages: number, body: Uint8Array): Promise<void> => {
  let next = 0
  const producer = async () => {
    while (next < messages) await put(spool, next++, body)
  }
  await Promise.all(Array.from({ length: producers }, producer))
}

const serve = async (spool: Spool, claim: Claim): Promise<void> => {
  for await (const chunk of claim.message.content()) if (chunk.length === 0) throw new Error('An empty chunk')
  const last = { code: 250, status: '2.0.0', lines: ['OK'], by: 'smtp', at: clock.now() } as const
  const changes = claim.recipients.map(
    ({ key }) => ({ of: key, fate: { is: 'delivered', last }, attempted: true }) as const,
  )
  await spool.settle(claim, { now: clock.now(), changes, history: ['delivered'] })
}

const consume = async (spool: Spool, atOnce: number): Promise<void> => {
  for (;;) {
    const now = clock.now()
    const limits = { most: atOnce, mostRecipients: 100, mostPerLane: 20 }
    const claims = await spool.claim({ owner: 'bench', now, leaseUntil: now + 600_000, ...limits })
    if (claims.length === 0) return
    await Promise.all(claims.map((claim) => serve(spool, claim)))
  }
}

const path = await mkdtemp(join(process.env['BENCH_SPOOL'] ?? tmpdir(), 'smail-bench-'))
const spool = await openSqliteSpool({ path, owner: 'bench', clock, log: silentLog })
const small = randomBytes(4096)
await produce(spool, 20, 1000, small)
await consume(spool, 100)
for (const producers of [1, 20, 100]) {
  const messages = producers === 1 ? 1000 : 20_000
  say(
    `commit 4 KiB, ${producers} producers`,
    await measured(messages, () => produce(spool, producers, messages, small)),
  )
  say('  claim, read, settle, 50 at once', await measured(messages, () => consume(spool, 50)))
}
const both = 20_000
say(
  'both at once, 20 producers',
  await measured(both, async () => {
    const producing = produce(spool, 20, both, small)
    let isOver = false
    void producing.then(() => {
      isOver = true
    })
    while (!isOver) await consume(spool, 50)
    await consume(spool, 50)
  }),
)
for (const [size, producers] of [
  [1 << 20, 4],
  [10 << 20, 4],
] as const) {
  const body = randomBytes(size)
  const messages = Math.floor((200 << 20) / size)
  const figures = await measured(messages, () => produce(spool, producers, messages, body))
  say(`commit ${size >> 20} MiB, ${producers} producers`, figures)
  process.stdout.write(`  ${((figures.perSecond * size) / (1 << 20)).toFixed(0)} MiB/s\n`)
  await consume(spool, 20)
}
await spool.close()
await rm(path, { recursive: true })
