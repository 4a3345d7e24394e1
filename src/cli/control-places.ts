import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { type Machine, thisMachine } from '../config/machine.ts'
import { STANDARD_FILE } from '../config/settings-file.ts'
import { EXIT, Exit } from './exit.ts'
import { type Glance, glance } from './settings-glance.ts'

/** Where a running instance may be spoken to, likeliest first, and where mail is left when none is there. */
export interface ControlPlaces {
  /** For mail. */
  readonly sockets: readonly string[]
  /** For everything else. */
  readonly control: readonly string[]
  /**
   * Absent: the machine has settings and they, as far as we may read them, name no folder. The instance then has one in
   * the home of whoever runs it, and mail left in ours would lie there for ever.
   */
  readonly drop?: string
  /** Settings name the folder, so the instance that runs by them looks into it, whoever runs it. */
  readonly named: boolean
  /** The folder is that of somebody else, who must be able to read what is left in it. */
  readonly shared: boolean
}

/** What a system-wide instance offers to all by convention, where the settings file cannot be read. */
const COMMON = '/run/smail/submission.sock'

/**
 * Found without checking all settings. `SMAIL_CONTROL` names a socket; else the standard file's `control` and `drop`
 * count, if we may read it; else the defaults of whoever runs us.
 */
export const controlPlaces = async (
  env: NodeJS.ProcessEnv,
  machine: Machine = thisMachine(env),
  file: string = STANDARD_FILE,
): Promise<ControlPlaces> => {
  const standard = await glance(file, machine).catch((): Partial<Glance> => ({}))
  const drop = standard === undefined ? join(machine.state, 'drop') : standard.drop
  const named = standard?.drop !== undefined
  const left = { ...(drop === undefined ? {} : { drop }), named, shared: named }
  const told = env['SMAIL_CONTROL']
  if (told) return { sockets: [told], control: [told], ...left }
  const own = join(machine.runtime, 'control.sock')
  const control = present(standard?.socket, own)
  return { sockets: present(standard?.submission, ...control, COMMON), control, ...left }
}

/** The same of a file that was named: nothing else counts. Throws `Exit` when there is no such file, or it may not be read. */
export const placesOf = async (named: string, machine: Machine): Promise<ControlPlaces> => {
  const file = resolve(named)
  const found = await glanceOrExit(file, machine)
  const socket = found.socket ?? join(machine.runtime, 'control.sock')
  // Nobody but the file's owner runs an instance by it, root's apart; the defaults are those of whoever does.
  const ours = found.uid === machine.uid
  const drop = found.drop ?? (ours ? join(machine.state, 'drop') : undefined)
  const owner = drop === undefined ? undefined : (await stat(drop).catch(() => undefined))?.uid
  return {
    sockets: present(found.submission, socket),
    control: [socket],
    ...(drop === undefined ? {} : { drop }),
    named: found.drop !== undefined,
    shared: owner === undefined ? !ours : owner !== machine.uid,
  }
}

const glanceOrExit = async (file: string, machine: Machine): Promise<Glance> => {
  let found: Glance | undefined
  try {
    found = await glance(file, machine)
  } catch (error) {
    throw new Exit(EXIT.config, `${file}: ${(error as Error).message}`)
  }
  if (found === undefined) throw new Exit(EXIT.config, `${file}: does not exist`)
  // A default in its place would be another instance's.
  const unclear = found.unclear.find((key) => !key.startsWith('spool'))
  if (unclear !== undefined) throw new Exit(EXIT.config, `${file}: ${unclear}: expected a path`)
  return found
}

const present = (...paths: readonly (string | undefined)[]): readonly string[] =>
  paths.filter((path) => path !== undefined)
