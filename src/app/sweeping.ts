import type { Alarm, Clock } from '../observe/clock.ts'
import type { Log } from '../observe/log.ts'
import type { Spool } from '../spool/spool.ts'

const EVERY = 10 * 60_000

/** Has the spool cleared of what is no longer wanted, in small steps. `stop` resolves when no sweep is under way. */
export const sweeping = (spool: Spool, clock: Clock, log: Log): { stop(): Promise<void> } => {
  let alarm: Alarm | undefined
  let running = Promise.resolve()
  let stopped = false
  const sweep = async () => {
    try {
      await spool.sweep(clock.now())
    } catch (error) {
      log.event('warn', 'spool-sweep-failed', { why: error instanceof Error ? error.message : String(error) })
    }
    if (!stopped) later()
  }
  const later = () => {
    alarm = clock.after(EVERY, () => {
      running = sweep()
    })
  }
  later()
  return {
    stop() {
      stopped = true
      alarm?.cancel()
      return running
    },
  }
}
