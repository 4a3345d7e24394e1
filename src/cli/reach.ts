import { type ControlClient, ControlFault, connectControl, NotRunning } from '../app/control-client.ts'
import { EXIT, Exit } from './exit.ts'
import { printable } from './io.ts'

/** The first of these sockets that someone answers on. Throws `NotRunning`. */
export const reach = async <T = ControlClient>(
  sockets: readonly string[],
  connect: (path: string) => Promise<T> = connectControl as (path: string) => Promise<T>,
): Promise<T> => {
  let why: NotRunning | undefined
  for (const path of sockets) {
    try {
      return await connect(path)
    } catch (error) {
      if (!(error instanceof NotRunning)) throw error
      // A socket that is there and may not be used tells more than one that is not; else the likeliest is to be named.
      if (why === undefined || (error.denied && !why.denied)) why = error
    }
  }
  throw why
}

/** What went wrong with a request, as a way to end. */
export const exitOf = (error: unknown): Exit => {
  if (error instanceof Exit) return error
  if (error instanceof NotRunning) {
    if (error.denied)
      return new Exit(EXIT.noPermission, `${error.path}: you may not speak to the instance that runs there`)
    return new Exit(EXIT.unavailable, `nothing runs: no instance answers on ${error.path}`)
  }
  if (error instanceof ControlFault) {
    const { kind, message, details = [] } = error.fault
    const text = [message, ...details].map(printable).join('\n')
    if (kind === 'usage') return new Exit(details.length > 0 ? EXIT.config : EXIT.usage, text)
    return new Exit(kind === 'missing' ? EXIT.noInput : EXIT.tempFail, text)
  }
  const name = error instanceof Error ? error.name : ''
  if (name === 'Misconfigured') return new Exit(EXIT.config, (error as Error).message)
  if (name === 'NoAnswer') return new Exit(EXIT.tempFail, (error as Error).message)
  if (name === 'Closed' || name === 'TimedOut')
    return new Exit(EXIT.tempFail, `the instance went away: ${(error as Error).message}`)
  return new Exit(EXIT.software, error instanceof Error ? (error.stack ?? error.message) : String(error))
}
