import { ControlTaken } from '../app/control.ts'
import { SpoolError } from '../spool/spool.ts'
import { EXIT, Exit } from './exit.ts'
import { exitOf } from './reach.ts'

const CODES: Readonly<Record<string, number>> = {
  EADDRINUSE: EXIT.unavailable,
  EADDRNOTAVAIL: EXIT.config,
  EACCES: EXIT.noPermission,
  EPERM: EXIT.noPermission,
  ENOSPC: EXIT.ioError,
  EROFS: EXIT.ioError,
  EIO: EXIT.ioError,
}

/** Why a server could not start, as a way to end. */
export const startFault = (error: unknown): Exit => {
  if (error instanceof ControlTaken) return new Exit(EXIT.unavailable, error.message)
  if (error instanceof SpoolError) return new Exit(error.kind === 'invalid' ? EXIT.config : EXIT.ioError, error.message)
  const code = CODES[(error as NodeJS.ErrnoException)?.code ?? '']
  return code === undefined ? exitOf(error) : new Exit(code, (error as Error).message)
}
