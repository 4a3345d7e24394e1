import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Diagnosis } from '../mail/diagnosis.ts'
import { silentLog } from '../observe/log.ts'
import { claimWith, HandClock, put, said, to } from './contract-fixtures.ts'
import { memorySpool } from './memory.ts'
import type { Change, Claim, ListMatch, NewRecipient, Operation, Spool } from './spool.ts'
import { openSqliteSpool } from './sqlite.ts'

const LANES = [null, 'smtp/a', 'smtp/b'] as const
const DOMAINS = ['x', 'y'] as const

const lane = fc.constantFrom(...LANES)
const lanes = fc.option(fc.uniqueArray(lane, { maxLength: 2 }), { nil: undefined })

const recipients = fc.array(
  fc.record({ at: fc.constantFrom('p@x', 'q@x', 'p@y'), lane, late: fc.integer({ min: -5, max: 200 }) }),
  { minLength: 1, maxLength: 5 },
)

const match: fc.Arbitrary<ListMatch> = fc.record(
  {
    domain: fc.constantFrom(...DOMAINS),
    recipient: fc.constantFrom('p@x', 'q@x'),
    fate: fc.constantFrom('waiting', 'held', 'parked', 'failed'),
    sender: fc.constantFrom('', 'ann@Example.org'),
  },
  { requiredKeys: [] },
)

const step = fc.oneof(
  fc.record({
    do: fc.constant('put' as const),
    recipients,
    priority: fc.integer({ min: -1, max: 1 }),
    later: fc.option(fc.integer({ min: -5, max: 300 }), { nil: undefined }),
    report: fc.boolean(),
  }),
  fc.record({
    do: fc.constant('claim' as const),
    only: lanes,
    except: lanes,
    mostRecipients: fc.integer({ min: 1, max: 4 }),
  }),
  fc.record({
    do: fc.constant('settle' as const),
    which: fc.nat(),
    fates: fc.array(fc.nat({ max: 7 }), { minLength: 5, maxLength: 5 }),
    forks: fc.nat({ max: 1 }),
  }),
  fc.record({ do: fc.constant('renew' as const), which: fc.nat() }),
  fc.record({
    do: fc.constant('operate' as const),
    what: fc.constantFrom('retry', 'hold', 'release', 'park', 'unpark', 'delete', 'bounce'),
    match,
    /** One message alone, by its place. */
    of: fc.option(fc.nat({ max: 3 }), { nil: undefined }),
  }),
  fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 150 }) }),
  fc.constant({ do: 'recover' as const }),
  fc.constant({ do: 'forgetLanes' as const }),
  fc.record({ do: fc.constant('list' as const), match, most: fc.integer({ min: 1, max: 4 }) }),
)
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

const changesOf = (claim: Claim, fates: readonly number[], now: number, last: Diagnosis) =>
  claim.recipients.flatMap(({ key }, i): Change[] => {
    const due = now + 10 * (i + 1)
    switch (fates[i]) {
      case 0:
        return [{ of: key, fate: { is: 'delivered', last }, attempted: true, reported: ['relayed'] }]
      case 1:
        return [{ of: key, fate: { is: 'failed', last } }]
      case 2:
        return [{ of: key, fate: { is: 'waiting', due, last }, attempted: true, reported: ['delayed'] }]
      case 3:
        return [{ of: key, fate: { is: 'held', due } }]
      case 4:
        return [{ of: key, fate: { is: 'parked', why: 'so', at: now } }]
      case 5:
        return [{ of: key, lane: 'smtp/b' }]
      case 6:
        return [
          { of: key, fate: { is: 'expanded', last } },
          { add: to('child@x', { lane: 'smtp/a' }), parent: key },
        ]
      default:
        return []
    }
  })

/** One spool and the claims on it, where what is told does not depend on ids. */
class Side {
  readonly spool: Spool
  readonly clock: HandClock
  claims: Claim[] = []

  constructor(spool: Spool, clock: HandClock) {
    this.spool = spool
    this.clock = clock
  }

  async take(step: Step): Promise<unknown> {
    const { spool, clock } = this
    const now = clock.now()
    switch (step.do) {
      case 'put': {
        const given: NewRecipient[] = step.recipients.map(({ at, lane, late }) => to(at, { lane, due: now + late }))
        const sender = step.report ? { sender: null } : {}
        await put(spool, clock, {
          recipients: given,
          schedule: {
            priority: step.priority,
            ...(step.later === undefined ? {} : { notBefore: now + step.later }),
          },
          history: ['taken'],
          ...sender,
          ...(step.priority === 0 ? {} : { trail: { name: 'n', proof: 'p', until: now + 300 } }),
        })
        clock.pass(1)
        return
      }
      case 'claim': {
        const { only, except, mostRecipients } = step
        const limits = { most: 1000, mostPerLane: 1000, mostRecipients, leaseUntil: now + 100 }
        const found = await claimWith(spool, clock, { ...limits, ...(only && { only }), ...(except && { except }) })
        const told = found.map((claim) => ({
          claim,
          text: JSON.stringify([claim.lane, claim.message.facts, claim.recipients]),
        }))
        told.sort((a, b) => (a.text < b.text ? -1 : Number(a.text > b.text)))
        this.claims.push(...told.map(({ claim }) => claim))
        return told.map(({ claim: { lane, recipients } }) => ({ lane, recipients }))
      }
      case 'settle': {
        const claim = this.#claim(step.which)
        if (!claim) return
        const fork = { sender: null, params: {}, schedule: {}, recipients: [to('fork@y', { lane: 'smtp/b' })] }
        const changes = changesOf(claim, step.fates, now, said(250, clock))
        const settled = spool.settle(claim, { now, changes, forks: Array(step.forks).fill(fork), history: ['settled'] })
        return settled.then(
          () => 'settled',
          (error: Error) => error.name,
        )
      }
      case 'renew': {
        const claim = this.#claim(step.which)
        return claim && spool.renew(claim, now + 50).catch((error: Error) => error.name)
      }
      case 'operate': {
        const id = step.of === undefined ? undefined : (await spool.list({ most: 4 }))[step.of]?.id
        const match = id === undefined ? step.match : { ...step.match, id }
        return spool.operate({ do: step.what as Operation['do'], match, now })
      }
      case 'pass':
        return clock.pass(step.ms)
      case 'recover':
        return spool.recover('queue', now)
      case 'forgetLanes':
        return spool.forgetLanes()
      case 'list':
        return (await spool.list(step)).map(({ recipients }) => recipients)
    }
  }

  async empty(): Promise<void> {
    await this.spool.recover('queue', this.clock.now())
    await this.spool.operate({ do: 'delete', match: {}, now: this.clock.now() })
    this.claims = []
  }

  async picture(): Promise<unknown> {
    const messages = await this.spool.list({ most: 500 })
    const traces = await Promise.all(messages.map(async ({ id }) => (await this.spool.trace(id)).length))
    const rest = messages.map(({ id: _, ...message }) => message)
    const found = await this.spool.trails.find('n', 'p', this.clock.now())
    const followed = found.map(({ id: _, ...one }) => one)
    return { rest, followed, traces, counts: await this.spool.counts(), next: await this.spool.nextDue() }
  }

  #claim(which: number): Claim | undefined {
    return this.claims[which % Math.max(1, this.claims.length)]
  }
}

test('the engines agree on whatever is done', async () => {
  const path = await mkdtemp(join(tmpdir(), 'smail-spool-'))
  const clocks = [new HandClock(), new HandClock()] as const
  const spool = await openSqliteSpool({ path, owner: 'test', clock: clocks[1], log: silentLog })
  const [memory, sqlite] = [new Side(memorySpool({ clock: clocks[0] }), clocks[0]), new Side(spool, clocks[1])]
  try {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
        await Promise.all([memory.empty(), sqlite.empty()])
        for (const step of steps) {
          assert.deepEqual(await sqlite.take(step), await memory.take(step), JSON.stringify(step))
          assert.deepEqual(await sqlite.picture(), await memory.picture(), JSON.stringify(step))
        }
      }),
      { numRuns: Number(process.env['FUZZ_RUNS'] ?? 20), interruptAfterTimeLimit: 60_000 },
    )
  } finally {
    await spool.close()
    await rm(path, { recursive: true })
  }
})
