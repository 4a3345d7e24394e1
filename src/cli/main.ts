import type { Io } from './io.ts'

/** Runs the command that this name stands for; the exit code. Only what the command needs is loaded. */
export const main = async (name: string, argv: readonly string[], io: Io): Promise<number> => {
  switch (name) {
    case 'sendmail':
      return (await import('./sendmail.ts')).sendmail(argv, io)
    case 'mailq':
      return (await import('./mailq.ts')).mailq(argv, io)
    case 'newaliases':
      return (await import('./newaliases.ts')).newaliases(io)
    case 'runq':
      return (await import('./sendmail.ts')).sendmail(['-q', ...argv], io)
    default:
      return (await import('./smail.ts')).smail(argv, io)
  }
}
