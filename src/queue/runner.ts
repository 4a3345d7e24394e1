import { ours } from '../mail/diagnosis.ts'
import { reply } from '../mail/reply.ts'
import { sleep } from '../observe/clock.ts'
import type { Claim, Lane } from '../spool/spool.ts'
import { givenUp } from './attempt.ts'
import type { Destinations, Rest } from './destinations.ts'
import type { Verdict } from './verdict.ts'
import { stack } from './wording.ts'
import type { Holding, Work } from './work.ts'

/** Resting lanes left out of a claim at most; what is claimed of others is put off one by one. */
const MOST_EXCEPT = 200
/** How long mail at rest may go unlooked at while there is better to do. */
const REST_ROUND = 10_000
/** After a look that found nothing: our own settlements wake us too, and an engine may be too eager. */
const PAUSE = 5

/** What the runner holds of one lane. */
interface LaneLoad {
  readonly lane: Lane
  readonly backlog: Holding[]
  active: number
  full: boolean
}

export interface Load {
  readonly delivering: number
  readonly settling: number
  readonly waiting: number
  readonly lanes: readonly { readonly lane: Lane; readonly delivering: number; readonly waiting: number }[]
}

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
  const lanes = new Map<Lane, LaneLoad>()
  /** Lanes with something to begin, the one served longest ago first. */
  const ready = new Set<LaneLoad>()
  const most = total + settings.batch.claims
  let delivering = 0
  let settling = 0
  let held = 0
  let halted = false
  let bell = Promise.withResolvers<void>()
  let poked = false
  let waking: Promise<void> | undefined
  let restRound = 0
  const quiet: (() => void)[] = []
  let looping: Promise<void> | undefined

  const poke = (): void => {
    poked = true
    bell.resolve()
  }

  const loadOf = (lane: Lane): LaneLoad => {
    const known = lanes.get(lane)
    if (known !== undefined) return known
    const fresh: LaneLoad = { lane, backlog: [], active: 0, full: false }
    lanes.set(lane, fresh)
    return fresh
  }

  /** Enough is held of a lane when as much waits as runs; a probe waits alone. */
  const enough = (lane: Lane): number => {
    const window = destinations.window(lane)
    return window <= 1 ? 1 : 2 * window
  }

  const drop = (load: LaneLoad): void => {
    const left = load.active + load.backlog.length
    if (load.full && left <= enough(load.lane) / 2) {
      load.full = false
      poke()
    }
    if (left > 0) return
    lanes.delete(load.lane)
    ready.delete(load)
    destinations.idle(load.lane)
  }

  const settle = async (holding: Holding, verdicts: ReadonlyMap<number, Verdict>): Promise<void> => {
    settling += 1
    await work.record(holding, verdicts)
    settling -= 1
    held -= 1
    if (held <= most - settings.batch.claims) poke()
    pump()
    if (held === 0) for (const tell of quiet.splice(0)) tell()
  }

  /** Mail for a destination at rest: not tried, but given up or warned about in time. */
  const putOff = (holding: Holding, rest: Rest): Promise<void> => {
    const { recipients } = holding.claim
    const now = clock.now()
    const verdicts = givenUp(holding.claim, now)
    const why = ours(reply(451, '4.4.1', `${rest.lane} is left alone for a while: ${rest.why}`), now)
    for (const { key, fate } of recipients) {
      const last = 'last' in fate && fate.last !== undefined ? fate.last : why
      if (!verdicts.has(key)) verdicts.set(key, { is: 'later', last, attempted: false, notBefore: rest.until })
    }
    return settle(holding, verdicts)
  }

  const run = async (load: LaneLoad, holding: Holding): Promise<void> => {
    const began = destinations.begin()
    const { verdicts, destination } = await work.attempt(holding)
    const rest = destinations.judge(load.lane, began, destination)
    load.active -= 1
    delivering -= 1
    if (rest !== undefined) for (const one of load.backlog.splice(0)) void putOff(one, rest)
    if (load.backlog.length > 0) ready.add(load)
    drop(load)
    pump()
    await settle(holding, rest === undefined ? verdicts : notBefore(verdicts, rest.until))
  }

  const pump = (): void => {
    if (halted) return
    for (const load of ready) {
      // Deliveries that the spool cannot be told of would be done again after a crash: no more of them than this.
      if (delivering >= total || settling >= total) return
      ready.delete(load)
      if (load.active >= destinations.window(load.lane)) continue
      const holding = load.backlog.shift()
      if (holding === undefined) continue
      load.active += 1
      delivering += 1
      if (load.backlog.length > 0) ready.add(load)
      void run(load, holding)
    }
  }

  const take = (claim: Claim): void => {
    const holding = work.hold(claim)
    held += 1
    const rest = destinations.rest(claim.lane)
    if (rest !== undefined) return void putOff(holding, rest)
    if (halted) return void settle(holding, new Map())
    const load = loadOf(claim.lane)
    load.backlog.push(holding)
    load.full = load.active + load.backlog.length >= enough(claim.lane)
    ready.add(load)
  }

  const claim = async (only: readonly Lane[] | undefined, except: readonly Lane[]): Promise<readonly Claim[]> => {
    const now = clock.now()
    const claims = await spool.claim({
      owner,
      now,
      leaseUntil: work.leaseUntil(),
      most: Math.min(settings.batch.claims, most - held),
      mostRecipients: settings.batch.recipients,
      mostPerLane: only === undefined ? perDestination : settings.batch.claims,
      ...(only === undefined ? {} : { only }),
      ...(except.length === 0 ? {} : { except }),
    })
    for (const one of claims) take(one)
    pump()
    return claims
  }

  /** Whether a claim that took so much may have left something it could have taken. */
  const more = (claims: readonly Claim[]): boolean => {
    if (claims.length >= settings.batch.claims) return true
    for (const [lane, { length }] of Map.groupBy(claims, (one) => one.lane)) {
      if (length >= perDestination && lanes.get(lane)?.full !== true) return true
    }
    return false
  }

  /** One look at the spool. True when there may be more. */
  const look = async (): Promise<{ readonly found: number; readonly more: boolean }> => {
    if (held >= most) return { found: 0, more: false }
    const full = [...lanes.values()].filter((load) => load.full).map((load) => load.lane)
    const resting = destinations.resting(MOST_EXCEPT)
    const claims = await claim(undefined, [...full, ...resting])
    const again = more(claims)
    if (resting.length === 0 || held >= most || (again && clock.now() < restRound)) {
      return { found: claims.length, more: again }
    }
    const put = await claim(resting, [])
    restRound = clock.now() + REST_ROUND
    return { found: claims.length + put.length, more: again || put.length >= settings.batch.claims }
  }

  /** Until mail may be due, or a place is free. */
  const wait = async (idle: boolean): Promise<void> => {
    if (idle) await Promise.race([sleep(clock, PAUSE), bell.promise])
    const due = idle && !poked ? await spool.nextDue() : undefined
    const ms = due === undefined ? poll : due - clock.now()
    const alarm = ms > 0 && ms < poll ? clock.after(ms, poke) : undefined
    waking ??= spool.wake(poll).finally(() => {
      waking = undefined
    })
    await Promise.race([waking, bell.promise])
    alarm?.cancel()
  }

  const loop = async (): Promise<void> => {
    let failures = 0
    while (!halted) {
      bell = Promise.withResolvers<void>()
      poked = false
      try {
        const { found, more: again } = await look()
        failures = 0
        if (!again && !poked && !halted) await wait(found === 0)
      } catch (error) {
        failures += 1
        log.event('error', 'claim-failed', { error: stack(error), failures })
        await Promise.race([sleep(clock, Math.min(10_000, 250 * 2 ** Math.min(failures, 10))), bell.promise])
      }
    }
  }

  return {
    run() {
      looping ??= loop()
    },
    poke,
    async halt(ms) {
      halted = true
      poke()
      for (const load of lanes.values()) for (const one of load.backlog.splice(0)) void settle(one, new Map())
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
      lanes: [...lanes.values()].map(({ lane, active, backlog }) => ({
        lane,
        delivering: active,
        waiting: backlog.length,
      })),
    }),
  }
}

/** What was put off waits at least as long as its destination rests. */
const notBefore = (verdicts: ReadonlyMap<number, Verdict>, until: number): ReadonlyMap<number, Verdict> =>
  new Map([...verdicts].map(([key, one]) => [key, one.is === 'later' ? { ...one, notBefore: until } : one]))
