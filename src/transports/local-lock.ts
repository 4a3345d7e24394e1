import { dirname } from 'node:path'
import type { Clock } from '../observe/clock.ts'
import { sleep } from '../observe/clock.ts'
import type { Log } from '../observe/log.ts'
import { type Disk, errorCode } from './local-disk.ts'
import { Locked } from './local-errors.ts'

/** This process, as a lock names it. */
export interface ThisProcess {
  readonly pid: number
  readonly host: string
  /** Differs from that of every other process that ever had this pid. No white space. */
  readonly life: string
  isAlive(pid: number): boolean
}

export const thisProcess = (host: string): ThisProcess => ({
  pid: process.pid,
  host,
  life: String(performance.timeOrigin),
  isAlive(pid) {
    try {
      process.kill(pid, 0)
      return true
    } catch (error) {
      return errorCode(error) !== 'ESRCH'
    }
  },
})

/** What is about to be appended to the locked file: how long it was before, and the first line that will follow. */
export interface Plan {
  readonly size: number
  readonly firstLine: string
}

/** A `FILE.lock` that is ours. */
export interface DotLock {
  /** Once, before anything is appended: whoever finds this lock after a crash knows what to take back. Durable. */
  plan(plan: Plan): Promise<void>
  /** What was appended is there to stay; durable, and nobody will take it back. */
  keep(): Promise<void>
  /** Never rejects. */
  release(): Promise<void>
  /** From now on release leaves the lock where it is: the plan in it is still needed by whoever asks for the lock next. */
  abandon(): void
}

export interface LockOptions {
  readonly disk: Disk
  readonly clock: Clock
  readonly log: Log
  readonly process: ThisProcess
  /** Takes back what the plan of a lock that nobody holds any more has begun. */
  readonly takeBack: (path: string, plan: Plan) => Promise<void>
}

/** Milliseconds. Others' locks that name no living process get old sooner: liblockfile says five minutes. */
const PATIENCE = 30_000
const LOOK_AGAIN = 500
const OLD = 5 * 60_000
const VERY_OLD = 60 * 60_000

/** The first line is the pid and nothing else, as liblockfile reads and writes it. The end mark shows that a plan is whole. */
const write = ({ pid, host, life }: ThisProcess): string => `${pid}\n${host}\n${life}\n`
const writePlan = ({ size, firstLine }: Plan): string => `${size}\n${firstLine}\n.\n`

interface Owner {
  readonly pid?: number
  readonly host?: string
  readonly life?: string
  readonly plan?: Plan
}

const read = (text: string): Owner => {
  const [pid = '', host, life, size = '', firstLine, end] = text.split('\n')
  if (!/^\d{1,10}$/.test(pid.trim())) return {}
  const owner = { pid: Number(pid), ...(host && life ? { host, life } : {}) }
  if (end !== '.' || firstLine === undefined || !/^\d{1,15}$/.test(size)) return owner
  return { ...owner, plan: { size: Number(size), firstLine } }
}

/**
 * Locks a file by making `FILE.lock`, which is all that can be done without native code, and what mail programs agree
 * on. Throws `Locked` after 30 seconds.
 */
export const dotLocks = (options: LockOptions): ((path: string, signal: AbortSignal) => Promise<DotLock>) => {
  const { disk, clock, log, process: own, takeBack } = options
  const abandoned = new Set<string>()

  const isLeft = (name: string, { pid, host, life }: Owner, age: number): boolean => {
    if (pid === undefined || (host !== undefined && host !== own.host)) return age > OLD
    if (pid !== own.pid) return own.isAlive(pid) ? age > VERY_OLD : host !== undefined || age > OLD
    // An earlier process of our number, or one that came no further than the number.
    if (life !== own.life) return life !== undefined || age > OLD
    return abandoned.has(name) || age > VERY_OLD
  }

  /** Removes a lock that nobody holds. Two programs doing so at once could both believe to be first; no dot lock can help that. */
  const removeLeft = async (path: string, name: string): Promise<boolean> => {
    try {
      const { modified } = await disk.status(name)
      const owner = read(await disk.peek(name))
      if (!isLeft(name, owner, clock.now() - modified)) return false
      log.event('warn', 'lock-left-behind', { lock: name, ...(owner.pid === undefined ? {} : { pid: owner.pid }) })
      if (owner.plan) await takeBack(path, owner.plan)
      await disk.remove(name)
      abandoned.delete(name)
      return true
    } catch (error) {
      // Released meanwhile.
      if (errorCode(error) === 'ENOENT') return true
      throw error
    }
  }

  const take = async (path: string, name: string): Promise<DotLock> => {
    const file = await disk.create(name)
    let needed = false
    const release = async () => {
      await file.close().catch(() => {})
      if (!needed) await disk.remove(name).catch(() => abandoned.add(name))
    }
    const owner = Buffer.from(write(own))
    try {
      await file.write(owner)
    } catch (error) {
      await release()
      throw error
    }
    return {
      async plan(plan) {
        await file.write(Buffer.from(writePlan(plan)))
        await file.sync()
        await disk.syncFolder(dirname(path))
      },
      async keep() {
        await file.truncate(owner.length)
        await file.sync()
      },
      release,
      abandon() {
        needed = true
        abandoned.add(name)
      },
    }
  }

  return async (path, signal) => {
    const name = `${path}.lock`
    const until = clock.now() + PATIENCE
    for (;;) {
      signal.throwIfAborted()
      try {
        return await take(path, name)
      } catch (error) {
        if (errorCode(error) !== 'EEXIST') throw error
      }
      if (await removeLeft(path, name)) continue
      if (clock.now() >= until) throw new Locked(`${name} is held by another program`)
      await sleep(clock, LOOK_AGAIN, signal)
    }
  }
}
