import { readdirSync, readFileSync } from 'node:fs'

/** The kernel counts in ticks of 10 ms, wherever Linux runs. */
const MS_PER_TICK = 10
const PAGE = 4096
const MIB = 1024 * 1024

interface Process {
  readonly pid: number
  readonly parent: number
  /** Milliseconds of CPU, those of children that have ended and were waited for included. */
  readonly cpu: number
}

const read = (file: string): string | undefined => {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    // The process has ended meanwhile.
    return undefined
  }
}

const processOf = (pid: number): Process | undefined => {
  const stat = read(`/proc/${pid}/stat`)
  if (stat === undefined) return undefined
  // The name before it may hold spaces and parentheses.
  const words = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [parent = 0, user = 0, system = 0, userOfEnded = 0, systemOfEnded = 0] = [1, 11, 12, 13, 14].map((at) =>
    Number(words[at]),
  )
  return { pid, parent, cpu: (user + system + userOfEnded + systemOfEnded) * MS_PER_TICK }
}

/** A process and all that came of it. */
const family = (root: number): readonly Process[] => {
  const all = readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? (processOf(Number(name)) ?? []) : []))
  const children = Map.groupBy(all, ({ parent }) => parent)
  const found = all.filter(({ pid }) => pid === root)
  for (const { pid } of found) found.push(...(children.get(pid) ?? []))
  return found
}

/** Milliseconds of CPU that a process and its children have used so far. */
export const cpuOf = (root: number): number => family(root).reduce((sum, { cpu }) => sum + cpu, 0)

export interface Memory {
  /** MiB, pages that several processes share counted for each. */
  readonly resident: number
  /** MiB, shared pages counted once. */
  readonly proportional: number
}

export const memoryOf = (root: number): Memory => {
  let pages = 0
  let kib = 0
  for (const { pid } of family(root)) {
    pages += Number(read(`/proc/${pid}/statm`)?.split(' ')[1] ?? 0)
    kib += Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`) ?? '')?.[1] ?? 0)
  }
  return { resident: (pages * PAGE) / MIB, proportional: kib / 1024 }
}

/** Milliseconds of CPU that the whole machine has used so far. */
export const cpuOfMachine = (): number => {
  const [line = ''] = (read('/proc/stat') ?? '').split('\n')
  const [user = 0, nice = 0, system = 0, , , interrupts = 0, soft = 0] = line.trim().split(/\s+/).slice(1).map(Number)
  return (user + nice + system + interrupts + soft) * MS_PER_TICK
}

/** Whether something listens on a port of 127.0.0.1, found out without connecting. */
export const listensOn = (port: number): boolean => {
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  return read('/proc/net/tcp')?.includes(`0100007F:${hex} 00000000:0000 0A`) ?? false
}
