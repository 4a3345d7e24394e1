import type { ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { ended, finish, firstOf, launch, untilListening } from './peer.ts'

const SOURCE = '/usr/sbin/smtp-source'
const SINK = '/usr/sbin/smtp-sink'

/** Why no load can be made; undefined when it can. Both programs come with Postfix. */
export const noLoad = (): string | undefined =>
  firstOf(SOURCE) && firstOf(SINK)
    ? undefined
    : `${SOURCE} and ${SINK} are needed (test/peers/install.sh installs them)`

export interface Load {
  readonly clients: number
  readonly octets: number
  /** Each client sends all its messages over one connection. */
  readonly keep: boolean
}

/** Sends messages and waits for the last reply. Throws when any was not taken. */
export const send = async (
  count: number,
  port: number,
  { clients, octets, keep }: Load,
  log: string,
): Promise<void> => {
  const child = launch(
    SOURCE,
    [
      ...['-4', '-s', `${Math.min(clients, count)}`, '-m', `${count}`, '-l', `${octets}`],
      ...['-f', 'sender@example.test', '-t', 'rcpt@dest.test', ...(keep ? ['-d'] : []), `127.0.0.1:${port}`],
    ],
    log,
  )
  const code = await ended(child)
  if (code !== 0) throw new Error(`smtp-source ended with ${code}; see ${log}`)
}

export interface Sink {
  /** Resolves when all messages have come. Throws when some have not within a minute. */
  all(): Promise<void>
  stop(): void
}

/** Takes so many messages and ends. */
export const sink = async (count: number, port: number, log: string): Promise<Sink> => {
  const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : []
  const child: ChildProcess = launch(SINK, ['-4', ...user, '-M', `${count}`, `127.0.0.1:${port}`, '1024'], log)
  const over = ended(child)
  await untilListening(child, port, log)
  return {
    async all() {
      const code = await Promise.race([over, sleep(60_000, 'late', { ref: false })])
      if (code !== 0) throw new Error(`smtp-sink has not got all ${count} messages: ${code}`)
    },
    stop: () => void child.kill('SIGTERM'),
  }
}

/** Takes all messages until it is stopped; 8-bit mail only where it says so. */
export const endlessSink = async (port: number, eightBit: boolean, log: string): Promise<() => Promise<void>> => {
  const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : []
  const child = launch(SINK, ['-4', ...(eightBit ? [] : ['-8']), ...user, `127.0.0.1:${port}`, '1024'], log)
  await untilListening(child, port, log)
  return () => finish(child)
}
