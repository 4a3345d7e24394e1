import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { queueBench } from '../../test/doubles/queue-bench.ts'
import type { Say } from '../../test/doubles/scripted-transport.ts'
import { type Claim, type Settlement, type Spool, SpoolError } from '../spool/spool.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const TERMINAL = ['delivered', 'failed', 'parked', 'expanded']

/** Settlements that took effect, and now and then one that fails. */
const watched = (spool: Spool, mayFail: () => boolean, seen: (claim: Claim, settlement: Settlement) => void): Spool =>
  new Proxy(spool, {
    get(target, name) {
      if (name === 'settle') {
        return async (claim: Claim, settlement: Settlement) => {
          if (mayFail()) throw new SpoolError('broken', 'I/O error')
          await target.settle(claim, settlement)
          seen(claim, settlement)
        }
      }
      const value = target[name as keyof Spool]
      return typeof value === 'function' ? value.bind(target) : value
    },
  })

const says = fc.oneof(
  { weight: 5, arbitrary: fc.constant<Say>(250) },
  { weight: 4, arbitrary: fc.constant<Say>(451) },
  { weight: 2, arbitrary: fc.constant<Say>(550) },
  { weight: 1, arbitrary: fc.constant<Say>('down') },
  { weight: 1, arbitrary: fc.constant<Say>(undefined) },
)

const scenario = fc.record({
  /** Per message, per recipient: the domain it is in and what its host says, time after time. */
  messages: fc.array(
    fc.array(
      fc.record({
        domain: fc.constantFrom('a.example', 'b.example', 'c.example'),
        says: fc.array(says, { maxLength: 8 }),
      }),
      { minLength: 1, maxLength: 6 },
    ),
    { minLength: 1, maxLength: 8 },
  ),
  /** Which settlements fail at first. */
  failing: fc.array(fc.boolean(), { maxLength: 20 }),
  /** After how many minutes the queue is stopped and another takes over. */
  restarts: fc.array(fc.integer({ min: 1, max: 120 }), { maxLength: 3 }),
  recipientsPerDelivery: fc.constantFrom(1, 2, 1000),
})

test('whatever happens, each recipient gets one fate, is delivered at most once, and failures are reported once', async () => {
  await fc.assert(
    fc.asyncProperty(scenario, async ({ messages, failing, restarts, recipientsPerDelivery }) => {
      const scripts = new Map<string, readonly Say[]>()
      const fates = new Map<string, string[]>()
      const reported: string[] = []
      const failures = [...failing]
      const bench = queueBench({
        settings: { lifetime: 12 * HOUR },
        smtp: {
          limits: { recipientsPerDelivery },
          say: ({ address }, attempt) => {
            const script = scripts.get(address.local)
            return script === undefined ? 250 : script.length > attempt ? script[attempt] : 451
          },
        },
        around: (spool) =>
          watched(
            spool,
            () => failures.shift() ?? false,
            (claim, { changes, commits = [] }) => {
              for (const change of changes) {
                if (!('fate' in change) || !TERMINAL.includes(change.fate.is)) continue
                const address = claim.recipients.find((one) => one.key === change.of)?.address
                const known = fates.get(address?.local ?? '') ?? []
                fates.set(address?.local ?? '', [...known, change.fate.is])
              }
              const drafts = new Set(commits.map((one) => one.draft.id))
              for (const one of bench.reporter.composed.filter((report) => drafts.has(report.draft))) {
                reported.push(...one.recipients.filter((r) => r.event === 'failed').map((r) => r.address.local))
              }
            },
          ),
      })
      for (const [m, recipients] of messages.entries()) {
        for (const [r, one] of recipients.entries()) scripts.set(`m${m}r${r}`, one.says)
        await bench.put(recipients.map(({ domain }, r) => `m${m}r${r}@${domain}`))
      }

      let queue = bench.queue
      await queue.start()
      for (const minutes of restarts) {
        await bench.clock.advance(minutes * MINUTE)
        const stopped = queue.stop()
        await bench.clock.advance(MINUTE)
        await stopped
        queue = bench.another({})
        await queue.start()
      }
      await bench.clock.advance(16 * HOUR)

      const served = new Map<string, number>()
      for (const name of bench.smtp.delivered) served.set(name, (served.get(name) ?? 0) + 1)
      for (const [m, recipients] of messages.entries()) {
        for (const [r, { domain }] of recipients.entries()) {
          const name = `m${m}r${r}`
          const [fate, ...more] = fates.get(name) ?? []
          assert.ok(fate !== undefined, `${name} has a fate`)
          assert.deepEqual(more, [], `${name} has one fate`)
          assert.equal(served.get(`${name}@${domain}`) ?? 0, fate === 'delivered' ? 1 : 0, `${name} ${fate}`)
          const reports = reported.filter((one) => one === name).length
          assert.equal(reports, fate === 'failed' ? 1 : 0, `${name} ${fate}`)
        }
      }
      const { waiting } = await bench.spool.counts()
      assert.equal(waiting, 0)
      assert.equal(bench.queue.status().delivering, 0)
      await queue.stop()
    }),
    { numRuns: Number(process.env['QUEUE_RUNS'] ?? 25) },
  )
})
