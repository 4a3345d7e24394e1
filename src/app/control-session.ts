import { Refusal } from '../mail/reply.ts'
import { type Channel, Closed, LineTooLong, TimedOut } from '../net/channel.ts'
import type { Log } from '../observe/log.ts'
import type { ListMatch, Operation } from '../spool/spool.ts'
import { say, sendFrames } from './control-frames.ts'
import {
  BadRequest,
  type Fault,
  FOR_EVERYONE,
  FRAME_PATIENCE,
  MOST_LINE,
  PATIENCE,
  PATIENCE_WITH_EVERYONE,
  type Request,
  readFrame,
  readRequest,
} from './control-protocol.ts'
import type { Place } from './control-room.ts'
import type { Explained, ExtensionRow, Reloaded, Status, Submission } from './mta.ts'

/** What a running instance does on request. Each may reject; a Refusal and a `Faulty` are told as they are. */
export interface ControlActions {
  status(): Promise<Status>
  extensions(): readonly ExtensionRow[]
  explain(address: string): Promise<Explained>
  /** Throws `Faulty` with the faults of the settings. */
  reload(): Promise<Reloaded>
  /** Resolves when nothing is under way any more. */
  drain(): Promise<void>
  /** Begins to end the program, and resolves at once. `now`: without waiting for what is under way. */
  stop(now: boolean): Promise<void>
  list(match: ListMatch): AsyncIterable<unknown>
  /** Undefined: no such message. */
  show(id: string): Promise<unknown>
  body(id: string): Promise<AsyncIterable<Uint8Array> | undefined>
  trace(id: string): Promise<readonly unknown[] | undefined>
  operate(operation: Operation['do'], match: ListMatch, why: string | undefined): Promise<number>
  submit(mail: Submission, body: AsyncIterable<Uint8Array>): Promise<{ readonly id: string }>
  /** Speaks SMTP until the session is over. */
  attend(channel: Channel): Promise<void>
}

/** A request that cannot be done for a reason that the one who asked should read. */
export class Faulty extends Error {
  override readonly name = 'Faulty'
  readonly details: readonly string[]
  /** `fault`: it may be possible later. */
  readonly kind: 'usage' | 'fault'

  constructor(message: string, details: readonly string[] = [], kind: 'usage' | 'fault' = 'usage') {
    super(message)
    this.details = details
    this.kind = kind
  }
}

class Missing extends Error {}

export interface SessionOptions {
  readonly actions: ControlActions
  readonly log: Log
  /** Whether everyone on the machine can connect, so that only mail is taken. */
  readonly everyone: boolean
  readonly place: Pick<Place, 'waits' | 'works'>
}

/** Answers requests until the client goes or says nonsense. Never rejects. */
export const controlSession = async (channel: Channel, options: SessionOptions): Promise<void> => {
  const { place } = options
  try {
    for (;;) {
      place.waits('request')
      // Places are few, and everyone may take one.
      const line = await channel.line(MOST_LINE, options.everyone ? PATIENCE_WITH_EVERYONE : PATIENCE)
      place.works()
      const request = readRequest(line)
      if (options.everyone && !FOR_EVERYONE.includes(request.do)) throw new BadRequest(`${request.do} is not done here`)
      if (request.do === 'smtp') {
        place.waits('rest')
        await say(channel, { ok: true })
        return await options.actions.attend(channel)
      }
      if (!(await serve(channel, request, options))) break
    }
  } catch (error) {
    place.waits('rest')
    if (error instanceof BadRequest || error instanceof LineTooLong) {
      await say(channel, { error: { kind: 'usage', message: error.message } }).catch(() => {})
    } else if (!(error instanceof Closed || error instanceof TimedOut)) {
      options.log.event('error', 'control-session-failed', { error: String((error as Error)?.stack ?? error) })
    }
  }
  await channel.end(1000)
  channel.destroy()
}

/** False: where the next request begins is not known, so there is none. */
const serve = async (channel: Channel, request: Exclude<Request, { do: 'smtp' }>, options: SessionOptions) => {
  try {
    if (request.do === 'submit') return await takeMail(channel, request, options)
    const done = await perform(channel, request, options.actions)
    options.place.waits('rest')
    await say(channel, { ok: done })
  } catch (error) {
    if (error instanceof Closed || error instanceof TimedOut || error instanceof BadRequest) throw error
    options.place.waits('rest')
    await say(channel, { error: faultOf(error, request.do, options.log) })
  }
  return true
}

const perform = async (
  channel: Channel,
  request: Exclude<Request, { do: 'smtp' | 'submit' }>,
  actions: ControlActions,
): Promise<unknown> => {
  switch (request.do) {
    case 'status':
    case 'extensions':
    case 'reload':
      return actions[request.do]()
    case 'drain':
      await actions.drain()
      return true
    case 'stop':
      await actions.stop(request.now ?? false)
      return true
    case 'explain':
      return actions.explain(request.address)
    case 'operate':
      return actions.operate(request.operation, request.match, request.why)
    case 'show':
      return there(await actions.show(request.id), request.id)
    case 'trace':
      return there(await actions.trace(request.id), request.id)
    case 'list':
      for await (const item of actions.list(request.match)) await say(channel, { item })
      return true
    case 'body':
      for await (const chunk of there(await actions.body(request.id), request.id)) await sendFrames(channel, chunk)
      return true
  }
}

const there = <T>(found: T | undefined, id: string): T => {
  if (found === undefined) throw new Missing(`There is no message ${id}`)
  return found
}

const takeMail = async (channel: Channel, mail: Submission, { actions, place }: SessionOptions): Promise<boolean> => {
  let ended = false
  const body = async function* (): AsyncIterable<Uint8Array> {
    for (;;) {
      place.waits('rest')
      const octets = readFrame(await channel.line(200, FRAME_PATIENCE))
      if (octets === undefined) break
      yield* channel.counted(octets, FRAME_PATIENCE)
    }
    place.works()
    ended = true
  }
  const { do: _, ...submission } = mail as Submission & { do: string }
  try {
    const taken = await actions.submit(submission, body())
    place.waits('rest')
    await say(channel, { ok: taken })
  } catch (error) {
    if (error instanceof Closed || error instanceof TimedOut || error instanceof BadRequest) throw error
    if (!(error instanceof Refusal)) throw error
    place.waits('rest')
    await say(channel, { error: refusalFault(error) })
  }
  // A body that was refused half-way is still on its way to us; the client reads our answer and goes.
  return ended
}

const refusalFault = ({ reply }: Refusal): Fault => ({ kind: 'refused', message: reply.lines.join(' '), reply })

const faultOf = (error: unknown, what: string, log: Log): Fault => {
  if (error instanceof Refusal) return refusalFault(error)
  if (error instanceof Missing) return { kind: 'missing', message: error.message }
  if (error instanceof Faulty) return { kind: error.kind, message: error.message, details: error.details }
  const { message, stack } = error instanceof Error ? error : new Error(String(error))
  log.event('error', 'control-request-failed', { request: what, error: stack ?? message })
  return { kind: 'fault', message }
}
