import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Mail } from './system-client.ts'
import { type Copies, Lane, type Run, type Scenario } from './system-matrix.ts'

/** Processes that live and die at the same time. */
const LANES = 2
/** Threads take turns as they like, so that a point may not be met in a run; it is tried again so often. */
const TRIES = 5

const mail = (token: string, to: readonly string[], from: string, lines = 3): Mail => ({
  from,
  to,
  body: [
    `Message-ID: <${token}@client.test>`,
    `Subject: ${token}`,
    '',
    '.a line that begins with a dot',
    ...Array.from({ length: lines }, (_, i) => `${i} ${'x'.repeat(60)}`),
    '.',
    'the end',
    '',
  ].join('\r\n'),
})

const SCENARIOS: readonly Scenario[] = [
  {
    name: 'small mail',
    mail: (token) => mail(token, ['bob@home.test'], 'carol@client.test'),
    pipelined: false,
    freshMailbox: true,
  },
  {
    name: 'large mail',
    mail: (token) => mail(token, ['bob@home.test'], 'carol@client.test', 100),
    pipelined: true,
    from: 'server write 354',
  },
  {
    name: 'a mailbox and a host',
    mail: (token) => mail(token, ['bob@home.test', 'dave@elsewhere.test'], 'carol@client.test'),
    pipelined: true,
    from: 'server write 354',
  },
  {
    name: 'a failure',
    mail: (token) => mail(token, ['nobody@elsewhere.test'], 'alice@home.test'),
    pipelined: true,
    from: 'smtp outcome: before',
  },
  {
    name: 'a start after a crash',
    mail: (token) => mail(token, ['bob@home.test'], 'carol@client.test', 100),
    pipelined: true,
    restartAfter: 'local deliver: before #1',
    until: 'local deliver: before',
  },
]

/** What must be so after any death: each copy that was delivered is there, and each that waited has come. */
const check = (run: Run, scenario: Scenario): void => {
  const said = `${scenario.name}, ${run.point}: ${JSON.stringify(run)}`
  assert.deepEqual(run.strange, [], `half a message, or one nobody sent: ${said}`)
  assert.deepEqual(run.leftovers, [], `something is left in the spool: ${said}`)
  const fails = scenario.name === 'a failure'
  for (const { delivered, waiting, inTheEnd } of fails ? [] : run.recipients) {
    if (run.reached) assert.equal(inTheEnd, delivered + waiting, `a copy too few or too many: ${said}`)
    if (run.acknowledged) assert.ok(inTheEnd >= 1, `lost after 250: ${said}`)
    assert.ok(inTheEnd <= 2, `more than one duplicate: ${said}`)
    // Only when the death lay between a delivery and its settlement (RFC 1047).
    if (inTheEnd === 2) assert.deepEqual([delivered, waiting], [1, 1], said)
  }
  const [original] = run.recipients
  if (!fails) assert.equal(run.reports.inTheEnd, 0, said)
  else {
    const { delivered, waiting, inTheEnd } = run.reports
    if (run.reached) assert.equal(inTheEnd, delivered + waiting + (original?.waiting ?? 0), `reports: ${said}`)
    if (run.acknowledged) assert.ok(inTheEnd >= 1, `nobody was told: ${said}`)
    assert.ok(run.differentReports <= 1, `told twice: ${said}`)
    assert.ok(inTheEnd <= 2, said)
  }
}

interface Tally {
  runs: number
  lostReplies: number
  duplicates: number
  untaken: number
}

/** Every point that any run passes is one that a process dies at. */
const killEverywhere = async (lanes: readonly Lane[], scenario: Scenario): Promise<Tally> => {
  const [first] = lanes
  assert.ok(first)
  const known = new Set<string>()
  const tries = new Map<string, number>()
  const todo: string[] = []
  const tally: Tally = { runs: 0, lostReplies: 0, duplicates: 0, untaken: 0 }

  const learn = (points: readonly string[]): void => {
    const { from = '', until } = scenario
    const first = points.findIndex((one) => one.startsWith(from))
    const last = until === undefined ? -1 : points.findIndex((one) => one.startsWith(until))
    for (const point of points.slice(Math.max(first, 0), last < 0 ? undefined : last + 1)) {
      if (known.has(point)) continue
      known.add(point)
      todo.push(point)
    }
  }

  // Twice, for the first mail of all finds no mailbox.
  for (const lane of [...lanes, first]) {
    const undisturbed = await lane.run(scenario, 'none')
    check(undisturbed, scenario)
    assert.ok(undisturbed.acknowledged && !undisturbed.reached)
  }
  learn(first.passed())

  const count = ({ acknowledged, recipients, reports }: Run): void => {
    const places: readonly Copies[] = scenario.name === 'a failure' ? [reports] : recipients
    tally.runs += 1
    if (!acknowledged && places.every(({ inTheEnd }) => inTheEnd > 0)) tally.lostReplies += 1
    if (places.some(({ inTheEnd }) => inTheEnd > 1)) tally.duplicates += 1
    if (places.every(({ inTheEnd }) => inTheEnd === 0)) tally.untaken += 1
  }
  const work = async (lane: Lane): Promise<void> => {
    for (let point = todo.shift(); point !== undefined; point = todo.shift()) {
      const run = await lane.run(scenario, point)
      check(run, scenario)
      learn(lane.passed())
      if (run.reached) {
        count(run)
        continue
      }
      const tried = (tries.get(point) ?? 0) + 1
      assert.ok(tried < TRIES, `${scenario.name}: ${point} was passed once, and never again`)
      tries.set(point, tried)
      todo.push(point)
    }
  }
  for (const end of await Promise.allSettled(lanes.map(work))) if (end.status === 'rejected') throw end.reason
  return tally
}

let lanes: Lane[] = []

const open = async (): Promise<void> => {
  lanes = await Promise.all(Array.from({ length: LANES }, () => Lane.open()))
}
const close = async (): Promise<void> => {
  await Promise.all(lanes.splice(0).map((lane) => lane.close()))
}
before(open)
after(close)

for (const scenario of SCENARIOS)
  test(`${scenario.name}, with a death at every step: nothing acknowledged is lost, and nothing repeated but what SMTP must`, async (t) => {
    try {
      const takes = !scenario.from?.startsWith('smtp') && scenario.restartAfter === undefined
      const { runs, lostReplies, duplicates, untaken } = await killEverywhere(lanes, scenario)
      t.diagnostic(
        `${runs} deaths: ${untaken} before it was kept, ${lostReplies} kept unsaid, ${duplicates} delivered twice`,
      )
      const met = [untaken > 0, lostReplies > 0, duplicates > 0]
      assert.deepEqual(met, [takes, takes, scenario.restartAfter === undefined])
      assert.ok(runs > 10)
    } catch (error) {
      // What is under way there is not the next one's affair.
      await close()
      await open()
      throw error
    }
  })

test('a 250 that goes out too early: it is noticed', async () => {
  const [scenario] = SCENARIOS
  assert.ok(scenario)
  const lane = await Lane.open('reply before commit')
  try {
    const run = await lane.run(scenario, 'server write 221 2.0.0: before #1')
    assert.ok(run.reached && run.acknowledged)
    assert.throws(() => check(run, scenario), /lost after 250/)
  } finally {
    await lane.close()
  }
})
