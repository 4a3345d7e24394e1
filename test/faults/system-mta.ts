import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Answer, Ask, Numbered } from './system-protocol.ts'

/** The process is gone: killed, most likely. */
export class Died extends Error {
  override readonly name = 'Died'
}

/** The MTA in a process of its own, loaded and not yet started. */
export interface MtaProcess {
  readonly pid: number
  /** The port it listens on. Rejects with `Died`, as all do. */
  start(given: Omit<Ask & { do: 'start' }, 'do'>): Promise<number>
  ask(ask: Exclude<Ask, { do: 'start' }>): Promise<void>
  kill(): void
  /** Drains it and lets it end by itself. */
  leave(): Promise<void>
  /** Resolves with how it ended, once it has: an exit code or a signal's name. */
  readonly ended: Promise<number | string>
}

export interface MtaProcessOptions {
  /** A file for the points that are passed; without one there are none. */
  readonly trace?: string
  /** A library to be loaded before all others. */
  readonly preload?: string
  /** A file of `points` in place of one of `src`. */
  readonly broken?: readonly [other: string, real: string]
  readonly env?: Readonly<Record<string, string>>
  /** File descriptors at most. */
  readonly descriptors?: number
}

const CHILD = fileURLToPath(new URL('./system-child.ts', import.meta.url))
const CACHE = join(tmpdir(), 'smail-compile-cache')

// Threads to compile with would cost more than they gain: most of these processes do not live that long.
const FLAGS = ['--disable-warning=ExperimentalWarning', '--v8-pool-size=1']

export const mtaProcess = ({
  trace = '-',
  preload,
  broken,
  env = {},
  descriptors,
}: MtaProcessOptions = {}): MtaProcess => {
  const child: ChildProcess = fork(CHILD, [trace, ...(broken ?? [])], {
    ...(descriptors === undefined
      ? { execArgv: FLAGS }
      : {
          execPath: '/bin/sh',
          execArgv: ['-c', `ulimit -n ${descriptors} && exec "$0" "$@"`, process.execPath, ...FLAGS],
        }),
    env: {
      ...process.env,
      NODE_COMPILE_CACHE: CACHE,
      NODE_TEST_CONTEXT: undefined,
      ...(preload === undefined ? {} : { LD_PRELOAD: preload }),
      ...env,
    },
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const ended = once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | string)
  const waiting = new Map<number, (answer: Answer) => void>()
  child.on('message', ({ number, body }: Numbered<Answer>) => {
    waiting.get(number)?.(body)
    waiting.delete(number)
  })
  let asked = 0

  const ask = async (body: Ask): Promise<Answer> => {
    const number = asked++
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    waiting.set(number, resolve)
    void ended.then((how) => reject(new Died(`It ended with ${how}`)))
    // To one that has just died it cannot be sent.
    if (child.connected) child.send({ number, body } satisfies Numbered<Ask>, () => {})
    const answer = await promise
    if (answer.is === 'failed') throw new Error(answer.why)
    return answer
  }

  return {
    pid: child.pid ?? 0,
    async start(given) {
      const answer = await ask({ do: 'start', ...given })
      return answer.is === 'started' ? answer.port : 0
    },
    async ask(one) {
      await ask(one)
    },
    kill: () => void child.kill('SIGKILL'),
    async leave() {
      await ask({ do: 'drain' })
      child.disconnect()
      await ended
    },
    ended,
  }
}
