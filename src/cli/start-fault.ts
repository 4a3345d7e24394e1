import { faultsOfParts } from '../app/check.ts'
import { Unavailable, Unfit } from '../app/unfit.ts'
import { EXIT, Exit } from './exit.ts'
import { exitOf } from './reach.ts'
import type { Fit } from './settled.ts'

const CODES: Readonly<Record<string, number>> = {
  taken: EXIT.unavailable,
  EADDRINUSE: EXIT.unavailable,
  EADDRNOTAVAIL: EXIT.config,
  ENOTFOUND: EXIT.config,
  ENOENT: EXIT.config,
  EACCES: EXIT.noPermission,
  EPERM: EXIT.noPermission,
}

/** Why a server could not start, by the setting that asked what cannot be had, as a way to end; all that is wrong, where anything is. */
export const startFault = async (error: unknown, { settings, modules, placed }: Fit): Promise<Exit> => {
  if (error instanceof Unfit) {
    const all = [...error.issues, ...(await faultsOfParts(settings, modules))]
    return new Exit(EXIT.config, placed(all).join('\n'))
  }
  if (error instanceof Unavailable) {
    return new Exit(CODES[error.code ?? ''] ?? EXIT.ioError, placed([error.issue]).join('\n'))
  }
  return exitOf(error)
}
