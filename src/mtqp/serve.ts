import { type Channel, Closed, EndlessLine, LineTooLong, TimedOut } from '../net/channel.ts'
import { SpoolError } from '../spool/spool.ts'
import type { TrackingContext } from './context.ts'
import { type Said, TrackingSession } from './session.ts'

/** Octets of a line without its CRLF (RFC 3887 2.2). */
const MOST_OF_LINE = 998
/** Octets of an answer that are made at once. */
const PIECE = 65_536
const LINGER = 5000

/** Answers one client by MTQP, RFC 3887, until either side has had enough, or the signal is aborted. Never rejects. */
export const serveTracking = async (first: Channel, context: TrackingContext, signal?: AbortSignal): Promise<void> => {
  const { clock, limits, log, listener } = context
  const until = clock.now() + limits.session
  const session = new TrackingSession(context, first.peer.address)
  let channel = first
  let idle = false
  const leave = () => {
    if (idle) void end(channel, session.shuttingDown(), context)
  }
  const watch = signal && context.closing.watch(signal, leave)
  try {
    await send(channel, session.greeting(channel), context)
    for (;;) {
      idle = true
      const line = await nextLine(channel, limits.idle)
      idle = false
      const said = await answered(session, line, channel, context)
      await send(channel, said, context, channel.pendingLine()).finally(said.done)
      if (said.after === 'end') return await channel.leave(LINGER)
      if (said.after === 'tls' && context.tls) {
        channel.discardPending()
        channel = await context.tls.asServer(channel)
        await send(channel, session.greeting(channel), context)
      }
      const why = session.verdict(clock.now() >= until) ?? (signal?.aborted ? session.shuttingDown() : undefined)
      if (why) return await end(channel, why, context)
    }
  } catch (error) {
    const isPeers = error instanceof Closed || error instanceof TimedOut || error instanceof EndlessLine
    if (!isPeers) log.event('info', 'tracking-session-lost', { listener, peer: first.peer.address, why: String(error) })
    channel.destroy()
  } finally {
    watch?.letGo()
  }
}

/** Undefined: it was too long. */
const nextLine = async (channel: Channel, timeout: number): Promise<string | undefined> => {
  try {
    return await channel.line(MOST_OF_LINE, timeout)
  } catch (error) {
    if (error instanceof LineTooLong && !(error instanceof EndlessLine)) return undefined
    throw error
  }
}

const answered = async (
  session: TrackingSession,
  line: string | undefined,
  channel: Channel,
  { log, listener }: TrackingContext,
): Promise<Said> => {
  try {
    return await session.answer(line, channel)
  } catch (error) {
    const stack = error instanceof Error ? error.stack : String(error)
    if (!(error instanceof SpoolError)) log.event('error', 'tracking-fault', { listener, error: stack })
    return session.unavailable()
  }
}

/** `more`: the next command is here, and its answer can go out with this one. Throws `TimedOut` if it takes too long in all. */
const send = async (
  channel: Channel,
  { status, lines }: Said,
  { clock, limits: { answer } }: TrackingContext,
  more = false,
): Promise<void> => {
  const until = clock.now() + answer
  // A clock that goes backwards gives nobody more time than there is.
  const flush = () => channel.flush(Math.min(answer, Math.max(1, until - clock.now())))
  channel.write(`${status}\r\n`)
  if (lines) {
    let octets = 0
    for (const line of lines) {
      channel.write(`${line.startsWith('.') ? '.' : ''}${line}\r\n`)
      octets += line.length + 2
      if (octets < PIECE) continue
      await flush()
      octets = 0
    }
    channel.write('.\r\n')
  }
  if (!more || lines) await flush()
}

const end = async (channel: Channel, said: Said, context: TrackingContext): Promise<void> => {
  await send(channel, said, context).catch(() => {})
  await channel.end(LINGER)
}
