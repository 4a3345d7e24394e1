import { createConnection, type Socket } from 'node:net'
import { type Channel, Closed } from '../net/channel.ts'
import { streamChannel } from '../net/stream-channel.ts'
import { type Clock, systemClock } from '../observe/clock.ts'
import { say, sendFrames } from './control-frames.ts'
import type { Answer, Fault, Request } from './control-protocol.ts'

const NOWHERE = { address: '', port: 0 }
const MOST_ANSWER = 64 * 1024 * 1024

/** How long an answer may take: a drain waits for deliveries. */
const ANSWER = 600_000

/** The same, once all of a message is there: it has to be written to a disk. */
const TAKEN = 60_000

/** Until an instance that is asked for SMTP is ready. */
const READY = 10_000

/** The most that a timer can wait, some days. */
const FOREVER = 2 ** 31 - 1

/** Nothing runs there, or it may not be spoken to. */
export class NotRunning extends Error {
  override readonly name = 'NotRunning'
  readonly path: string
  /** The socket is there, and we may not use it. */
  readonly denied: boolean

  constructor(path: string, denied: boolean) {
    super(denied ? `${path}: permission denied` : `${path}: nothing runs there`)
    this.path = path
    this.denied = denied
  }
}

/** Something is there, and there is no speaking to it now. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer'
  readonly path: string

  constructor(path: string, why: string) {
    super(`${path}: ${why}`)
    this.path = path
  }
}

/** What the instance said instead of doing it. */
export class ControlFault extends Error {
  override readonly name = 'ControlFault'
  readonly fault: Fault

  constructor(fault: Fault) {
    super(fault.message)
    this.fault = fault
  }
}

type Plain = Exclude<Request, { do: 'submit' | 'smtp' }>

/** An envelope with addresses as texts, for `submit`. */
export interface WireEnvelope {
  readonly sender: string | null
  readonly params: Readonly<Record<string, string | true>>
  readonly recipients: readonly { readonly address: string; readonly params: Readonly<Record<string, string | true>> }[]
  readonly user?: string
}

export interface CallOptions {
  /** Items on the way. */
  each?(item: unknown): Promise<void> | void
  /** Octets on the way. */
  chunk?(chunk: Uint8Array): Promise<void> | void
  /** Milliseconds for each answer; ten minutes if absent. */
  readonly patience?: number
}

/** A connection to a running instance. One request at a time. What it throws is `Closed` or `TimedOut` when it goes or is silent. */
export interface ControlClient {
  /** What the request yields in the end. Throws `ControlFault`. */
  call(request: Plain, on?: CallOptions): Promise<unknown>
  /** The id under which the mail is kept. Throws `ControlFault`. */
  submit(envelope: WireEnvelope, body: AsyncIterable<Uint8Array>): Promise<string>
  /** Resolves when the other side has gone. */
  gone(): Promise<void>
  close(): void
}

/** Connects to a control socket. Throws `NotRunning` and `NoAnswer`. */
export const connectControl = async (path: string, clock: Clock = systemClock()): Promise<ControlClient> =>
  overChannel(streamChannel(await connect(path), { peer: NOWHERE, local: NOWHERE, clock }))

/** A connection that speaks SMTP with a running instance. Throws `NotRunning`, `NoAnswer` and `ControlFault`. */
export const connectSmtp = async (path: string, clock: Clock = systemClock()): Promise<Socket> => {
  const socket = await connect(path)
  const alarm = clock.after(READY, () => socket.destroy())
  try {
    return await readyForSmtp(socket)
  } catch (error) {
    socket.destroy()
    throw error instanceof ControlFault ? error : new NoAnswer(path, 'the instance that runs there does not answer')
  } finally {
    alarm.cancel()
  }
}

const readyForSmtp = async (socket: Socket): Promise<Socket> => {
  socket.write(`${JSON.stringify({ do: 'smtp' })}\r\n`)
  let line = Buffer.alloc(0)
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    line = Buffer.concat([line, chunk])
    const end = line.indexOf('\r\n')
    if (end < 0 && line.length < 10_000) continue
    outcome(readAnswer(line.toString('latin1', 0, Math.max(end, 0))))
    socket.unshift(line.subarray(end + 2))
    return socket
  }
  throw new Closed('The instance went')
}

const connect = async (path: string): Promise<Socket> => {
  const socket = createConnection({ path, allowHalfOpen: true })
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', () => resolve())
    socket.once('error', (error: NodeJS.ErrnoException) => {
      const denied = error.code === 'EACCES' || error.code === 'EPERM'
      const gone = error.code === 'ENOENT' || error.code === 'ECONNREFUSED' || error.code === 'ENOTDIR'
      reject(denied || gone ? new NotRunning(path, denied) : new NoAnswer(path, error.message))
    })
  })
  socket.removeAllListeners('error')
  return socket
}

const overChannel = (channel: Channel): ControlClient => ({
  async call(request, on = {}) {
    const { patience = ANSWER } = on
    await say(channel, request, patience)
    for (;;) {
      const answer = await receive(channel, patience)
      if ('item' in answer) await on.each?.(answer.item)
      else if ('octets' in answer)
        for await (const chunk of channel.counted(answer.octets, patience)) await on.chunk?.(chunk)
      else return outcome(answer)
    }
  },
  async submit(envelope, body) {
    await say(channel, { do: 'submit', ...envelope })
    try {
      for await (const chunk of body) await sendFrames(channel, chunk)
      await say(channel, { end: true })
    } catch (error) {
      if (!(error instanceof Closed)) throw error
      // The instance may have said why it takes no more before it went.
      await receive(channel, TAKEN).then(outcome, () => {
        throw error
      })
    }
    const { id } = outcome(await receive(channel, TAKEN)) as { id: string }
    return id
  },
  gone: () =>
    channel.line(MOST_ANSWER, FOREVER).then(
      () => {},
      () => {},
    ),
  close: () => channel.destroy(),
})

const receive = async (channel: Channel, patience: number): Promise<Answer> =>
  readAnswer(await channel.line(MOST_ANSWER, patience))

const readAnswer = (line: string): Answer => {
  try {
    const answer: unknown = JSON.parse(Buffer.from(line, 'latin1').toString('utf8'))
    if (typeof answer === 'object' && answer !== null) return answer as Answer
  } catch {
    // As for what is JSON and no answer.
  }
  throw new Closed('What answers there is no instance')
}

const outcome = (answer: Answer): unknown => {
  if ('error' in answer) throw new ControlFault(answer.error)
  return 'ok' in answer ? answer.ok : undefined
}
