// The whole MTA in a process of its own, for tests that kill it: `system-child.ts TRACE|- [OTHER REAL]`. With a file for the trace, its
// interfaces pass points at which it can be made to die. With
// OTHER, a file of `points`, in place of REAL, one of `src`, a part is broken. Loads everything and waits, so that a start is quick.
import { openSync, writeSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import type { Log } from '../../src/observe/log.ts'
import { installBroken, installPoints } from './points/install.ts'
import { arm, setUpPoints, underWay } from './points/points.ts'
import { type SkewedClock, skewedClock } from './system-clock.ts'
import type { Answer, Ask, Numbered } from './system-protocol.ts'

const [, , trace = '-', ...broken] = process.argv
const [other, real] = broken
if (other !== undefined && real !== undefined) installBroken(other, real)
if (trace !== '-') {
  setUpPoints(trace)
  installPoints()
}
const { createMta } = await import('../../src/app/compose.ts')
const { jsonLog } = await import('../../src/observe/log-lines.ts')

let mta: Awaited<ReturnType<typeof createMta>> | undefined
let spool: DatabaseSync | undefined
let clock: SkewedClock = skewedClock(0)
let port = 0
const logged = new Map<string, number>()
let told = Promise.withResolvers<void>()

/** Until the log is next written to. */
const nextEvent = (): Promise<void> => told.promise

const fileLog = (file: string): Log => {
  // Open from the start, for there may be no descriptors later.
  const handle = openSync(file, 'a')
  const real = jsonLog((line) => void writeSync(handle, line), { clock })
  return {
    event(level, event, fields) {
      if (event === 'started') port = Number(String(fields?.['listeners']).split(':').at(-1))
      logged.set(event, (logged.get(event) ?? 0) + 1)
      real.event(level, event, fields)
      told.resolve()
      told = Promise.withResolvers()
    },
  }
}

const start = async ({ settings, log, skew = 0 }: Ask & { do: 'start' }): Promise<Answer> => {
  clock = skewedClock(skew)
  mta = await createMta(settings, { clock, log: fileLog(log) })
  await mta.start()
  if (settings.spool.driver === 'sqlite')
    spool = new DatabaseSync(`${settings.spool.path}/spool.db`, { readOnly: true })
  return { is: 'started', port }
}

/** Every settlement is told in the log, after it is made. */
const empty = async (): Promise<Answer> => {
  while (underWay.size > 0 || has('SELECT 1 FROM message LIMIT 1')) {
    await Promise.race([nextEvent(), ...underWay])
  }
  return { is: 'done' }
}

/** More than any pause between two tries, and less than a delivery may take. */
const LATER = 90 * 60_000

const has = (sql: string): boolean => spool?.prepare(sql).get() !== undefined

const settled = async (): Promise<Answer> => {
  while (has('SELECT 1 FROM recipient WHERE fate = 0 LIMIT 1')) {
    if (!has('SELECT 1 FROM lease LIMIT 1')) clock.forward(LATER)
    // A claim is told nowhere.
    await Promise.race([nextEvent(), new Promise((resolve) => setTimeout(resolve, 50))])
  }
  return { is: 'done' }
}

const TWO_HOURS = 7_200_000

const answer = async (ask: Ask): Promise<Answer> => {
  switch (ask.do) {
    case 'start':
      return await start(ask)
    case 'arm':
      arm(ask.point)
      return { is: 'done' }
    case 'empty':
      return await empty()
    case 'logged':
      while ((logged.get(ask.event) ?? 0) < ask.times) await nextEvent()
      return { is: 'done' }
    case 'settled':
      return await settled()
    case 'sweep':
      // Files are swept once they are old.
      await mta?.spool.sweep(clock.now() + TWO_HOURS)
      return { is: 'done' }
    case 'drain':
      await mta?.drain()
      return { is: 'done' }
    case 'forward':
      clock.forward(ask.ms)
      return { is: 'done' }
  }
}

process.on('message', ({ number, body }: Numbered<Ask>) => {
  const say = (said: Answer) => process.send?.({ number, body: said } satisfies Numbered<Answer>)
  answer(body).then(say, (error: Error) => say({ is: 'failed', why: error.stack ?? error.message }))
})
process.on('disconnect', () => process.exit(0))
