import { openSync, writeSync } from 'node:fs'
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads'

/**
 * The steps at which a process can be made to die: after whatever changes what the next start or a peer will see, and
 * before what makes it final. (What only reads, closes or syncs changes nothing for a death that the machine survives;
 * syncs are the affair of `system-order.test.ts`.) A step's name and how often it was passed since arming make a point,
 * `server write 250 2.6.0: before #2`, so that threads which take turns differently still pass the same points.
 */
export interface Points {
  /** Writes the point down, and kills the process when it is the one that is armed. */
  pass(step: string): void
}

const KEY = 'fault points'
const NAME_OCTETS = 200
const decoder = new TextDecoder()

/** What the threads of the process share: a number that each arming raises, the length of the armed name, the name. */
interface Shared {
  readonly memory: SharedArrayBuffer
  /** To which every point passed is appended. It survives the process, being with the kernel. */
  readonly trace: string
}

/** To be called before the first thread is started: they inherit what is set up here. */
export const setUpPoints = (trace: string): void => {
  const shared: Shared = { memory: new SharedArrayBuffer(8 + NAME_OCTETS), trace }
  setEnvironmentData(KEY, shared as unknown as Parameters<typeof setEnvironmentData>[1])
}

const shared = (): Shared | undefined => getEnvironmentData(KEY) as unknown as Shared | undefined

/** From now on points count, from 1 again, and are written down; passing the one of this name kills the process. */
export const arm = (point: string): void => {
  const { memory } = shared() ?? {}
  if (memory === undefined) throw new Error('Nothing is set up to be armed')
  const name = new TextEncoder().encode(point)
  new Uint8Array(memory, 8).set(name)
  const words = new Int32Array(memory, 0, 2)
  Atomics.store(words, 1, name.length)
  Atomics.add(words, 0, 1)
}

/** For one thread and kind of step: they are counted here. */
export const threadPoints = (): Points => {
  const { memory, trace } = shared() ?? {}
  if (memory === undefined || trace === undefined) return { pass: () => {} }
  const words = new Int32Array(memory, 0, 2)
  const name = new Uint8Array(memory, 8)
  let armings = 0
  let armed = ''
  let file: number | undefined
  let passed = new Map<string, number>()
  return {
    pass(step) {
      const now = Atomics.load(words, 0)
      if (now === 0) return
      if (now !== armings) {
        armings = now
        armed = decoder.decode(Uint8Array.from(name.subarray(0, Atomics.load(words, 1))))
        passed = new Map()
      }
      const count = (passed.get(step) ?? 0) + 1
      passed.set(step, count)
      const point = `${step} #${count}`
      file ??= openSync(trace, 'a')
      writeSync(file, `${point}\n`)
      if (point === armed) process.kill(process.pid, 'SIGKILL')
    },
  }
}

/** Steps that have begun in this thread, and have not ended. */
export const underWay: Set<Promise<void>> = new Set()

/** Passes a point after a step. The one before it is the one after the step before. */
export const after = async <T>(points: Points, step: string, run: () => Promise<T>): Promise<T> => {
  const end = Promise.withResolvers<void>()
  underWay.add(end.promise)
  try {
    const result = await run()
    points.pass(`${step}: after`)
    return result
  } finally {
    underWay.delete(end.promise)
    end.resolve()
  }
}

/** Passes a point before and after a step on which everything hangs. */
export const around = <T>(points: Points, step: string, run: () => Promise<T>): Promise<T> => {
  points.pass(`${step}: before`)
  return after(points, step, run)
}
