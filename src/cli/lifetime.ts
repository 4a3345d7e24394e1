import type { Mta } from '../app/mta.ts'
import type { Clock } from '../observe/clock.ts'
import type { Log } from '../observe/log.ts'
import { EXIT } from './exit.ts'

export interface EndingOptions {
  readonly clock: Clock
  readonly log: Log
  /** Milliseconds that work under way gets; a little more, and the program ends without it. */
  readonly drain: number
}

/** What ends a running server: signals, requests, faults of ours. */
export interface Ending {
  /** A request to end; `now` without waiting for what is under way. */
  readonly ask: (now: boolean) => void
  /** Resolves with the exit code once the end has come, the MTA drained and `before` it has ended what is around it. */
  of(mta: Mta, reload: () => Promise<void>, around: () => Promise<void>): Promise<number>
  /** Stops listening for signals. */
  forget(): void
}

/** Ctrl-C reaches us twice when whoever started us passes it on. */
const SAME_SIGNAL = 500

/** What a drain may take beyond its limit before we end without it. */
const GRACE = 15_000

const SIGNALS: Readonly<Record<string, number>> = { SIGINT: 2, SIGTERM: 15 }

/** From now on signals and uncaught exceptions are ours. */
export const untilEnd = ({ clock, log, drain }: EndingOptions): Ending => {
  let settle: (end: { code: number; now: boolean }) => void = () => {}
  const asked = new Promise<{ code: number; now: boolean }>((resolve) => {
    settle = resolve
  })
  let first: number | undefined
  let reloading = Promise.resolve()
  let onReload = async () => {}

  const signal = (name: NodeJS.Signals): void => {
    const now = clock.now()
    if (first !== undefined && now - first < SAME_SIGNAL) return
    log.event('info', 'signal', { signal: name })
    if (first !== undefined) process.exit(128 + (SIGNALS[name] ?? 0))
    first = now
    settle({ code: EXIT.ok, now: false })
  }
  const hangUp = (): void => {
    reloading = reloading.then(() => onReload())
  }
  let crashed = false
  const crash = (error: unknown): void => {
    log.event('error', 'fault', { error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
    if (crashed) process.exit(EXIT.software)
    crashed = true
    settle({ code: EXIT.software, now: false })
  }

  process.on('SIGTERM', signal).on('SIGINT', signal).on('SIGHUP', hangUp)
  process.on('uncaughtException', crash).on('unhandledRejection', crash)
  return {
    ask: (now) => settle({ code: EXIT.ok, now }),
    async of(mta, reload, around) {
      onReload = reload
      const { code, now } = await asked
      onReload = async () => {}
      const limit = clock.after(drain + GRACE, () => {
        log.event('error', 'drain-too-long', {})
        process.exit(code === EXIT.ok ? EXIT.tempFail : code)
      })
      try {
        await (now ? mta.stop() : mta.drain())
        await around()
        return crashed ? EXIT.software : code
      } catch (error) {
        log.event('error', 'drain-failed', { error: (error as Error)?.stack ?? String(error) })
        return EXIT.software
      } finally {
        limit.cancel()
      }
    },
    forget() {
      process.off('SIGTERM', signal).off('SIGINT', signal).off('SIGHUP', hangUp)
      process.off('uncaughtException', crash).off('unhandledRejection', crash)
    },
  }
}
