import { Unavailable, Unfit } from '../app/unfit.ts'
import type { Placed } from '../config/load.ts'
import { EXIT, Exit } from './exit.ts'
import { exitOf } from './reach.ts'

const CODES: Readonly<Record<string, number>> = {
  taken: EXIT.unavailable,
  EADDRINUSE: EXIT.unavailable,
  EADDRNOTAVAIL: EXIT.config,
  ENOTFOUND: EXIT.config,
  ENOENT: EXIT.config,
  EACCES: EXIT.noPermission,
  EPERM: EXIT.noPermission,
}

/** Why a server could not start, by the setting that asked what cannot be had, as a way to end. */
export const startFault = (error: unknown, placed: Placed): Exit => {
  if (error instanceof Unfit) return new Exit(EXIT.config, placed(error.issues).join('\n'))
  if (error instanceof Unavailable) {
    return new Exit(CODES[error.code ?? ''] ?? EXIT.ioError, placed([error.issue]).join('\n'))
  }
  return exitOf(error)
}
