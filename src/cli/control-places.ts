import { dirname, join } from 'node:path'
import { type Machine, thisMachine } from '../config/machine.ts'
import { place } from '../config/place.ts'
import { readChecked, STANDARD_FILE } from '../config/settings-file.ts'

/** Where a running instance may be spoken to, likeliest first, and where mail is left when none is there. */
export interface ControlPlaces {
  readonly sockets: readonly string[]
  /**
   * Absent: the machine has settings and they, as far as we may read them, name no folder. The instance then has one in
   * the home of whoever runs it, and mail left in ours would lie there for ever.
   */
  readonly drop?: string
  /** The folder is that of the machine's instance, whoever runs it. */
  readonly shared: boolean
}

/** What a system-wide instance offers to all by convention, where the settings file cannot be read. */
const COMMON = '/run/smail/submission.sock'

/**
 * Found without checking all settings, for sendmail starts for every mail. `SMAIL_CONTROL` names a socket; else the
 * standard file's `control` and `drop` count, if we may read it; else the defaults of whoever runs us.
 */
export const controlPlaces = async (
  env: NodeJS.ProcessEnv,
  machine: Machine = thisMachine(env),
  file: string = STANDARD_FILE,
): Promise<ControlPlaces> => {
  const standard = await fromFile(file, machine)
  const drop = standard === undefined ? join(machine.state, 'drop') : standard.drop
  const left = { ...(drop === undefined ? {} : { drop }), shared: standard?.drop !== undefined }
  if (env['SMAIL_CONTROL']) return { sockets: [env['SMAIL_CONTROL']], ...left }
  const own = join(machine.runtime, 'control.sock')
  return { sockets: [...(standard?.sockets ?? []), own, COMMON], ...left }
}

/** Undefined: there is no such file. */
const fromFile = async (
  file: string,
  machine: Machine,
): Promise<{ sockets: readonly string[]; drop: string | undefined } | undefined> => {
  let source: string | undefined
  try {
    source = readChecked(file, machine.uid)
  } catch {
    return { sockets: [], drop: undefined }
  }
  if (source === undefined) return undefined
  const { parseDocument } = await import('yaml')
  const document = parseDocument(source, { uniqueKeys: false, prettyErrors: false, logLevel: 'silent' })
  const path = (...keys: string[]): string | undefined => {
    const given = document.hasIn(keys) ? document.getIn(keys) : undefined
    try {
      return typeof given === 'string' ? place(given, { base: dirname(file), home: machine.home }) : undefined
    } catch {
      return undefined
    }
  }
  const sockets = [path('control', 'submission'), path('control', 'socket')].filter((one) => one !== undefined)
  return { sockets, drop: path('drop', 'directory') }
}
