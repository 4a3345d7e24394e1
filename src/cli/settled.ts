import type { Mta } from '../app/mta.ts'
import type { Loaded } from '../config/load.ts'
import { type Log, silentLog } from '../observe/log.ts'
import { EXIT, Exit } from './exit.ts'
import type { Io } from './io.ts'

/** Settings by `--config` or from where they are when nobody says. */
export const load = async (file: string | undefined, io: Io): Promise<Loaded> => {
  const [{ loadSettings }, { extensionSchemas }] = await Promise.all([
    import('../config/load.ts'),
    import('../app/extensions.ts'),
  ])
  return loadSettings({ file, env: io.env, extensions: extensionSchemas })
}

/** The same; throws `Exit` with all faults. */
export const loadOrExit = async (file: string | undefined, io: Io): Promise<Fit> => {
  const loaded = await load(file, io)
  if ('faults' in loaded) throw new Exit(EXIT.config, loaded.faults.join('\n'))
  return loaded
}

type Fit = Extract<Loaded, { settings: unknown }>

/** Does something with an MTA that is made and never started. */
export const withMta = async <T>(
  file: string | undefined,
  io: Io,
  use: (mta: Mta) => Promise<T>,
  log: Log = silentLog,
): Promise<T> => {
  const { settings, placed } = await loadOrExit(file, io)
  const [{ createMta }, { startFault }] = await Promise.all([import('../app/compose.ts'), import('./start-fault.ts')])
  const mta = await createMta(settings, { log }).catch((error: unknown) => {
    throw startFault(error, placed)
  })
  try {
    return await use(mta)
  } finally {
    await mta.stop()
  }
}
