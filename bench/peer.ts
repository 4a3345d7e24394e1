import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, openSync } from 'node:fs'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { listensOn } from './processes.ts'

/** What a server is started with. All paths exist and are empty. */
export interface Setup {
  /** On the file system that all servers have their queues on. */
  readonly spool: string
  /** For settings. */
  readonly folder: string
  readonly port: number
  /** `hold`: mail is queued and stays. `relay`: all of it goes to the sink. */
  readonly mode: 'hold' | 'relay'
  readonly sink: number
}

/** A mail server that can be measured. */
export interface Peer {
  readonly name: string
  /** Messages it gets for one that the slowest gets, so that all are measured for about as long. */
  readonly pace: number
  /** Times as long as a compiled program it takes to run as it will for months: a JIT compiler learns from what runs. */
  readonly warmth: number
  /** Why it cannot take part; undefined when it can. */
  absent(): string | undefined
  /** Writes its settings; resolves once it has been started. */
  start(setup: Setup): Promise<Running>
}

export interface Running {
  /** The process that all others of it come from. */
  readonly pid: number
  /** Messages in its queue, as the disk has them. */
  queued(): number
  /** Resolves when it has ended. */
  stop(): Promise<void>
}

export const ended = (child: ChildProcess): Promise<number> =>
  new Promise((resolve, reject) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve(child.exitCode ?? -1)
    child.once('error', reject).once('exit', (code) => resolve(code ?? -1))
  })

/** Starts a program that stays in the foreground; what it prints goes to `log`. */
export const launch = (command: string, args: readonly string[], log: string): ChildProcess => {
  const out = openSync(log, 'a')
  return spawn(command, args, { stdio: ['ignore', out, out] })
}

/** Resolves once the port is listened on. Throws when the program ended, or 20 s have passed. */
export const untilListening = async (child: ChildProcess, port: number, log: string): Promise<void> => {
  for (let tries = 0; tries < 1000; tries++) {
    if (listensOn(port)) return
    if (child.exitCode !== null) break
    await sleep(20)
  }
  throw new Error(`${child.spawnfile} does not listen on port ${port}; see ${log}`)
}

/** Ends a program; one that does not heed SIGTERM within 20 s is killed. */
export const finish = async (child: ChildProcess): Promise<void> => {
  const over = ended(child)
  child.kill('SIGTERM')
  const alarm = setTimeout(() => child.kill('SIGKILL'), 20_000)
  await over
  clearTimeout(alarm)
}

/** A port that nobody uses just now. */
export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      server.close(() => (port > 10_000 ? resolve(port) : reject(new Error(`The port ${port} is too low`))))
    })
  })

/** The first of some files that exists. */
export const firstOf = (...files: readonly string[]): string | undefined => files.find((file) => existsSync(file))
