import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { Scene } from './scene.ts'
import { until } from './until.ts'

export interface DaemonOptions {
  readonly argv: readonly string[]
  /** Its own; what it prints goes to `output` there. */
  readonly folder: string
  readonly port: number
  /** What it finds at a path of its own view of the file system: another file or folder, or an empty folder. */
  readonly sees?: readonly (readonly [at: string, path: string | 'empty'])[]
  /** Further files with its log. */
  readonly logs?: readonly string[]
}

export interface Daemon {
  readonly port: number
  /** All it has said so far. */
  log(): string
  /** It and all that it started are gone on return. */
  stop(): Promise<void>
}

/**
 * The first process of a PID namespace: when it ends, all others are gone. It ends with the daemon, and when its standard
 * input is closed, so nothing is left running even when the tests are killed.
 */
const FIRST = `
set -e
while [ "$1" != -- ]; do
  if [ "$2" = empty ]; then mount -t tmpfs none "$1"; else mount --bind "$2" "$1"; fi
  shift 2
done
shift
exec 3<&0
"$@" </dev/null &
daemon=$!
(read -r _ <&3 || kill -KILL $daemon) &
wait $daemon
`

/** Starts a mail program that runs in the foreground, in a view of the system of its own; on return it greets. */
export const startDaemon = async (scene: Scene, options: DaemonOptions): Promise<Daemon> => {
  const { argv, folder, port, sees = [], logs = [] } = options
  const output = join(folder, 'output')
  // Nothing here is to ask the network for names.
  const resolv = join(folder, 'resolv.conf')
  writeFileSync(resolv, 'nameserver 127.0.0.1\noptions attempts:1 timeout:1\n')
  const views = [...sees, ['/etc/resolv.conf', resolv] as const].flat()
  const child = spawn(
    'sh',
    [
      '-c',
      'exec >"$0" 2>&1; exec unshare --mount --pid --fork --kill-child --mount-proc sh -c "$@"',
      output,
      FIRST,
      'sh',
      ...views,
      '--',
      ...argv,
    ],
    { stdio: ['pipe', 'ignore', 'inherit'], cwd: '/' },
  )
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const log = () => [output, ...logs].map(contents).join('')
  const stop = async () => {
    child.stdin?.end()
    await gone
  }
  scene.atEnd(stop)
  await until(
    async () => {
      if (hasEnded(child)) throw new Error(`${argv[0]} ended at once:\n${log()}`)
      return (await greets(port)) || undefined
    },
    () => `${argv[0]} should greet on port ${port}:\n${log()}`,
  )
  return { port, log, stop }
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode !== null || signalCode !== null

const contents = (path: string): string => {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}

const greets = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('error', () => resolve(false))
    socket.once('close', () => resolve(false))
    socket.once('data', () => {
      resolve(true)
      socket.end('QUIT\r\n')
      socket.resume()
    })
  })
