import { resolve } from 'node:path'
import { type ControlClient, ControlFault, connectControl } from '../app/control-client.ts'
import type { Status } from '../app/mta.ts'
import { type Machine, thisMachine } from '../config/machine.ts'
import { controlPlaces } from './control-places.ts'
import { EXIT, Exit } from './exit.ts'
import { complain, type Io, printable } from './io.ts'
import { reach } from './reach.ts'
import { type Glance, glance } from './settings-glance.ts'
import { load } from './settled.ts'

/**
 * The instance that runs by the settings of a file, or the one of whoever asks. `everyone`: the request is one that the
 * socket for everyone takes as well. Settings that are wrong are told and do not stand in the way, as long as they say where
 * the instance is. Throws `NotRunning`, and `Exit` when they do not.
 */
export const running = async (file: string | undefined, io: Io, everyone = false): Promise<ControlClient> => {
  if (file === undefined) {
    const { control, sockets } = await controlPlaces(io.env)
    return reach(everyone ? [...new Set([...control, ...sockets])] : control)
  }
  const wanted = await wantedBy(resolve(file), io)
  const client = await connectControl(wanted.socket)
  try {
    await tellOthers(client, wanted, resolve(file), io)
  } catch (error) {
    client.close()
    throw error
  }
  return client
}

const defaultSocket = ({ runtime }: Machine): string => `${runtime}/control.sock`

/** What a file says of its instance. */
interface Wanted extends Pick<Glance, 'hostname' | 'spool'> {
  readonly socket: string
}

const wantedBy = async (file: string, io: Io): Promise<Wanted> => {
  const machine = thisMachine(io.env)
  const atOnce = await glance(file, machine).catch(() => undefined)
  // Whether its code is right is no concern of whoever asks what runs.
  if (atOnce?.modules && !atOnce.unclear.includes('control.socket')) {
    return { ...atOnce, socket: atOnce.socket ?? defaultSocket(machine) }
  }
  const loaded = await load(file, io)
  if ('settings' in loaded) {
    const { control, hostname, spool } = loaded.settings
    return { socket: control.socket, hostname, spool: spool.driver === 'sqlite' ? spool.path : spool.driver }
  }
  const found = atOnce
  // A default in its place would be another instance's.
  if (found === undefined || found.unclear.includes('control.socket')) {
    throw new Exit(EXIT.config, loaded.faults.join('\n'))
  }
  const { socket = defaultSocket(machine), ...more } = found
  for (const fault of loaded.faults) complain(io, fault)
  complain(io, `warning: these settings are wrong; asking the instance on ${printable(socket)}`)
  return { ...more, socket }
}

/** Two files that leave the socket to the default name the same one. */
const tellOthers = async (client: ControlClient, wanted: Wanted, file: string, io: Io): Promise<void> => {
  const status = (await client.call({ do: 'status' }).catch((error: unknown) => {
    // It is about to end, say; whether it does what it is asked, it will say itself.
    if (error instanceof ControlFault) return {}
    throw error
  })) as Partial<Status>
  for (const what of ['hostname', 'spool'] as const) {
    const [here, there] = [wanted[what], status[what]]
    if (here === undefined || there === undefined || here === there) continue
    const socket = printable(wanted.socket)
    complain(
      io,
      `warning: the instance on ${socket} has the ${what} ${printable(there)}; ${file} says ${printable(here)}`,
    )
  }
}
