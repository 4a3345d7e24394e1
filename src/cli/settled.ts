import type { LoadedWith } from '../app/load-all.ts'
import type { Mta } from '../app/mta.ts'
import { type Log, silentLog } from '../observe/log.ts'
import { EXIT, Exit } from './exit.ts'
import type { Io } from './io.ts'

/** Settings by `--config` or from where they are when nobody says, with the modules they name. */
export const load = async (file: string | undefined, io: Io): Promise<LoadedWith> =>
  (await import('../app/load-all.ts')).loadAll({ file, env: io.env })

/** The same; throws `Exit` with all faults. */
export const loadOrExit = async (file: string | undefined, io: Io): Promise<Fit> => {
  const loaded = await load(file, io)
  if ('faults' in loaded) throw new Exit(EXIT.config, loaded.faults.join('\n'))
  return loaded
}

export type Fit = Extract<LoadedWith, { settings: unknown }>

/** Does something with an MTA that is made and never started. */
export const withMta = async <T>(
  file: string | undefined,
  io: Io,
  use: (mta: Mta) => Promise<T>,
  log: Log = silentLog,
): Promise<T> => {
  const fit = await loadOrExit(file, io)
  const [{ createMta }, { startFault }] = await Promise.all([import('../app/compose.ts'), import('./start-fault.ts')])
  const mta = await createMta(fit.settings, { log, modules: fit.modules }).catch(async (error: unknown) => {
    throw await startFault(error, fit)
  })
  try {
    return await use(mta)
  } finally {
    await mta.stop()
  }
}
