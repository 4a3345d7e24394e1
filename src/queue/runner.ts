import { ours } from '../mail/diagnosis.ts'
import { reply } from '../mail/reply.ts'
import { sleep } from '../observe/clock.ts'
import type { Claim, Lane } from '../spool/spool.ts'
import { givenUp } from './attempt.ts'
import type { Destinations, Rest } from './destinations.ts'
import { createLaneLoads, type LaneLoad } from './lane-loads.ts'
import { backoff } from './schedule.ts'
import type { Verdict } from './verdict.ts'
import { stack } from './wording.ts'
import type { Holding, Work } from './work.ts'

/** Resting lanes left out of a claim at most; what is claimed of others is put off one by one. */
const MOST_EXCEPT = 200
/** How long mail at rest may go unlooked at while there is better to do. */
const REST_ROUND = 10_000
/** After a spool that could not be asked. */
const RETRY = { first: 250, most: 10_000 }
/** After a look that found nothing: our own settlements wake us too, and an engine may be too eager. */
const PAUSE = 5

export interface Load {
  readonly delivering: number
  readonly settling: number
  readonly waiting: number
  readonly lanes: readonly { readonly lane: Lane; readonly delivering: number; readonly waiting: number }[]
}

/** How many claims came, and whether there may be more that could be taken. */
interface Look {
  readonly found: number
  readonly more: boolean
}

const sum = (looks: readonly Look[]): Look => ({
  found: looks.reduce((all, { found }) => all + found, 0),
  more: looks.some(({ more }) => more),
})

export interface Runner {
  run(): void
  /** Looks for due mail now. */
  poke(): void
  /** Stops claiming and lets go of what has not begun. Resolves when nothing runs any more, at the latest after `ms`. */
  halt(ms: number): Promise<boolean>
  load(): Load
}

/** Claims what is due and sets it to work, as much at once as destinations bear; fair among lanes. */
export const createRunner = (work: Work, destinations: Destinations): Runner => {
  const { spool, clock, log, owner, settings } = work.parts
  const { poll } = settings
  const { total, perDestination } = settings.concurrency
  const lanes = createLaneLoads(destinations, settings)
  const most = total + 4 * settings.batch.claims
  let delivering = 0
  let settling = 0
  let held = 0
  /** The last look could not take all it might have. */
  let crowded = false
  const halting = new AbortController()
  let bell = Promise.withResolvers<void>()
  let poked = false
  let listening = false
  let restRound = 0
  const quiet: (() => void)[] = []
  let looping: Promise<void> | undefined

  const poke = (): void => {
    poked = true
    bell.resolve()
  }

  const settle = async (holding: Holding, verdicts: ReadonlyMap<number, Verdict>): Promise<void> => {
    settling += 1
    await work.record(holding, verdicts)
    settling -= 1
    held -= 1
    if (crowded && held <= most - settings.batch.claims) poke()
    pump()
    if (held === 0) for (const tell of quiet.splice(0)) tell()
  }

  /** Mail for a destination at rest: not tried, but given up or warned about in time. */
  const putOff = (holding: Holding, rest: Rest): Promise<void> => {
    const { recipients } = holding.claim
    const now = clock.now()
    const verdicts = givenUp(holding.claim, now)
    const then = 'Other mail could not be delivered there a short while ago, so it is tried later. What was said then'
    const why = ours(reply(451, '4.4.1', `${then}: ${rest.why}`), now)
    for (const { key, fate } of recipients) {
      const last = 'last' in fate && fate.last !== undefined ? fate.last : why
      if (!verdicts.has(key)) verdicts.set(key, { is: 'later', last, attempted: false, notBefore: rest.until })
    }
    return settle(holding, verdicts)
  }

  const run = async (load: LaneLoad, holding: Holding): Promise<void> => {
    const began = destinations.begin()
    const since = clock.now()
    const { verdicts, destination } = await work.attempt(holding)
    load.pace += (clock.now() - since - load.pace) / 8
    load.active -= 1
    delivering -= 1
    const rest = destinations.judge(load.lane, { began, found: destination, others: load.active })
    if (rest !== undefined) for (const one of load.backlog.splice(0)) void putOff(one, rest)
    if (lanes.eased(load)) poke()
    pump()
    await settle(holding, rest === undefined ? verdicts : notBefore(verdicts, rest.until))
  }

  const pump = (): void => {
    if (halting.signal.aborted) return
    for (const load of lanes.ready) {
      // Deliveries that the spool cannot be told of would be done again after a crash: no more of them than this.
      if (delivering >= total || settling >= total) return
      lanes.ready.delete(load)
      if (load.active >= destinations.window(load.lane)) continue
      const holding = load.backlog.shift()
      if (holding === undefined) continue
      load.active += 1
      delivering += 1
      if (load.backlog.length > 0) lanes.ready.add(load)
      void run(load, holding)
    }
  }

  const take = (claim: Claim): void => {
    const holding = work.hold(claim)
    held += 1
    const rest = destinations.rest(claim.lane)
    if (rest !== undefined) return void putOff(holding, rest)
    if (halting.signal.aborted) return void settle(holding, new Map())
    lanes.add(holding)
  }

  /** Claims, and tells what came. `mostPerLane` bounds what a lane nothing is known of can take up. */
  const claim = async (
    mostPerLane: number,
    of: { readonly only?: readonly Lane[]; readonly except?: readonly Lane[] },
  ): Promise<Look> => {
    const asked = Math.min(settings.batch.claims, most - held)
    const claims = await spool.claim({
      owner,
      now: clock.now(),
      leaseUntil: work.leaseUntil(),
      most: asked,
      mostRecipients: settings.batch.recipients,
      mostPerLane,
      ...of,
    })
    for (const one of claims) take(one)
    let more = claims.length >= asked
    for (const [lane, { length }] of Map.groupBy(claims, (one) => one.lane)) {
      if (length >= mostPerLane && lanes.fed(lane)) more = true
    }
    pump()
    return { found: claims.length, more }
  }

  /** One look at the spool. */
  const look = async (): Promise<Look> => {
    crowded = held > most - settings.batch.claims
    if (held >= most) return { found: 0, more: false }
    const fast = lanes.hungry()
    const resting = destinations.resting(MOST_EXCEPT)
    const except = [...lanes.full(), ...resting, ...fast]
    const looks = [claim(perDestination, except.length === 0 ? {} : { except })]
    listen()
    if (fast.length > 0) looks.push(claim(settings.batch.claims, { only: fast }))
    const found = sum(await Promise.all(looks))
    if (resting.length === 0 || held >= most || (found.more && clock.now() < restRound)) return found
    restRound = clock.now() + REST_ROUND
    return sum([found, await claim(settings.batch.claims, { only: resting })])
  }

  /** Always one ear at the spool: a ring that comes while we look at a part of it is not lost. */
  const listen = (): void => {
    if (listening) return
    listening = true
    void spool
      .wake(poll)
      .catch((error) => {
        log.event('error', 'wake-failed', { error: stack(error) })
        return sleep(clock, Math.min(poll, RETRY.first), halting.signal)
      })
      .then(() => {
        listening = false
        if (!halting.signal.aborted) poke()
      })
  }

  /** Until mail may be due, or a place is free. */
  const wait = async (idle: boolean): Promise<void> => {
    if (idle) await sleep(clock, PAUSE, halting.signal)
    if (poked || halting.signal.aborted) return
    const due = idle ? await spool.nextDue() : undefined
    const ms = due === undefined ? poll : due - clock.now()
    const alarm = ms > 0 && ms < poll ? clock.after(ms, poke) : undefined
    await bell.promise
    alarm?.cancel()
  }

  const loop = async (): Promise<void> => {
    let failures = 0
    while (!halting.signal.aborted) {
      bell = Promise.withResolvers<void>()
      poked = false
      try {
        const { found, more: again } = await look()
        failures = 0
        if (!again && !poked && !halting.signal.aborted) await wait(found === 0)
      } catch (error) {
        failures += 1
        log.event('error', 'claim-failed', { error: stack(error), failures })
        const pause = backoff(failures, RETRY, () => 0)
        await Promise.race([sleep(clock, pause, halting.signal), bell.promise])
      }
    }
  }

  return {
    run() {
      looping ??= loop()
    },
    poke,
    async halt(ms) {
      halting.abort()
      poke()
      for (const load of lanes) for (const one of load.backlog.splice(0)) void settle(one, new Map())
      const calm = (async () => {
        await looping
        while (held > 0) await new Promise<void>((resolve) => quiet.push(resolve))
        return true
      })()
      const patience = Promise.withResolvers<boolean>()
      const alarm = clock.after(ms, () => patience.resolve(false))
      const ended = await Promise.race([calm, patience.promise])
      alarm.cancel()
      return ended
    },
    load: () => ({
      delivering,
      settling,
      waiting: held - delivering - settling,
      lanes: [...lanes].map(({ lane, active, backlog }) => ({ lane, delivering: active, waiting: backlog.length })),
    }),
  }
}

/** What was put off waits at least as long as its destination rests. */
const notBefore = (verdicts: ReadonlyMap<number, Verdict>, until: number): ReadonlyMap<number, Verdict> =>
  new Map([...verdicts].map(([key, one]) => [key, one.is === 'later' ? { ...one, notBefore: until } : one]))
