import {
  type ControlClient,
  ControlFault,
  connectControl,
  NoAnswer,
  NotRunning,
  type WireEnvelope,
} from '../app/control-client.ts'
import type { Status } from '../app/mta.ts'
import { Closed, TimedOut } from '../net/channel.ts'
import type { Clock } from '../observe/clock.ts'

/** Milliseconds that an instance has for a first answer. */
export const PATIENCE = 10_000

/** Nobody has taken the mail, and nobody has said what is wrong with it. */
export class NotTaken extends Error {
  override readonly name = 'NotTaken'
  /** The socket of an instance that is there and does not answer, or that may not be spoken to; absent: nothing runs. */
  readonly path: string | undefined
  /** An instance is there that may not be spoken to. */
  readonly denied: boolean

  constructor(message: string, path?: string, denied = false) {
    super(message)
    this.path = path
    this.denied = denied
  }
}

export interface Handed {
  readonly envelope: WireEnvelope
  /** The message, from its beginning each time; addresses without a domain get this one. */
  content(domain: string): AsyncIterable<Uint8Array>
}

/**
 * Gives mail to the first of these sockets whose instance answers; the id under which it is kept. Throws `ControlFault`
 * for what the instance has against the mail, and `NotTaken`: then none has promised anything, and it is to be kept.
 */
export const handOver = async (
  { envelope, content }: Handed,
  sockets: readonly string[],
  clock: Clock,
): Promise<string> => {
  const { client, path, domain } = await firstToAnswer(sockets, clock)
  try {
    return await client.submit(envelope, content(domain))
  } catch (error) {
    if (error instanceof ControlFault && error.fault.kind !== 'fault') throw error
    if (!isSilence(error)) throw error
    throw new NotTaken(`the instance on ${path} did not take it: ${(error as Error).message}`, path)
  } finally {
    client.close()
  }
}

const firstToAnswer = async (sockets: readonly string[], clock: Clock) => {
  let why: NotTaken | undefined
  for (const path of sockets) {
    let client: ControlClient | undefined
    try {
      client = await connectControl(path, clock)
      const { domain } = ((await client.call({ do: 'status' }, { patience: PATIENCE })) ?? {}) as Partial<Status>
      if (domain === undefined) throw new Closed('What answers there is no instance')
      return { client, path, domain }
    } catch (error) {
      client?.close()
      const found = notTaken(error, path)
      // What is there and does not serve tells more than what is not; else the likeliest is to be named.
      if (why?.path === undefined && (why === undefined || found.path !== undefined)) why = found
    }
  }
  throw why ?? new NotTaken('there is no socket to ask')
}

const notTaken = (error: unknown, path: string): NotTaken => {
  if (error instanceof NotRunning) {
    if (error.denied) return new NotTaken(`${path}: you may not speak to the instance that runs there`, path, true)
    return new NotTaken(`nothing runs: no instance answers on ${path}`)
  }
  if (isSilence(error) || error instanceof NoAnswer || error instanceof ControlFault) {
    return new NotTaken(`the instance on ${path} does not answer: ${error.message}`, path)
  }
  throw error
}

/** It went, was too slow, or had a fault of its own. */
const isSilence = (error: unknown): error is Error =>
  error instanceof Closed || error instanceof TimedOut || error instanceof ControlFault
