import { mkdir } from 'node:fs/promises'
import { qualified } from '../app/control-actions.ts'
import { dropCollector } from '../app/control-collect.ts'
import type { Mta } from '../app/mta.ts'
import type { Settings } from '../config/settings.ts'
import type { Clock } from '../observe/clock.ts'
import type { Log } from '../observe/log.ts'

/** How often the drop directory is looked into: mail lies there only when sendmail could not speak to us. */
const EVERY = 10_000

/** Collects what sendmail left, now and from time to time. */
export const collecting = (
  mta: Mta,
  settings: Settings,
  { clock, log }: { clock: Clock; log: Log },
): { stop(): Promise<void> } => {
  const submit: Mta['submit'] = (mail, body) => mta.submit(qualified(mail, mta.domain), body)
  let stopped = false
  let alarm: ReturnType<Clock['after']> | undefined
  const { directory } = settings.drop
  const drops = dropCollector({ directory, log, submit })
  const round = async (): Promise<void> => {
    // Made here, sendmail can leave mail in it later even where it may make no folder.
    await mkdir(directory, { recursive: true, mode: 0o700 }).catch(() => {})
    await drops.collect()
    if (!stopped) alarm = clock.after(EVERY, () => (current = round()))
  }
  let current = round()
  return {
    async stop() {
      stopped = true
      alarm?.cancel()
      await current
    },
  }
}
