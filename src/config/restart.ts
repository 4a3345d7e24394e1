import { isDeepStrictEqual } from 'node:util'
import type { Settings } from './settings.ts'

type Fixed = 'hostname' | 'spool' | 'queue' | 'log' | 'control' | 'modules' | 'drop'

/** Sections that a reload leaves as they are: a part of them changed would be a system with two names, two queues or two times. */
export const FIXED: readonly Fixed[] = ['hostname', 'spool', 'queue', 'log', 'control', 'modules', 'drop']

/** Settings as a reload may put them in force: what is wanted, but for what only a restart can change. */
export const withFixed = (wanted: Settings, before: Settings): Settings => {
  const fixed = Object.fromEntries(FIXED.map((section) => [section, before[section]]))
  return { ...wanted, ...(fixed as Pick<Settings, Fixed>) }
}

/** The settings that differ and are not in force before a restart, named as the file names them. */
export const restartNeeded = (before: Settings, wanted: Settings): readonly string[] =>
  FIXED.flatMap((section) => {
    const [old, now]: unknown[] = [before[section], wanted[section]]
    if (isDeepStrictEqual(old, now)) return []
    if (!isRecord(old) || !isRecord(now) || old['driver'] !== now['driver']) return [section]
    const within = typeof now['driver'] === 'string' ? `${section}.${now['driver']}` : section
    const keys = new Set([...Object.keys(old), ...Object.keys(now)])
    return [...keys].filter((key) => !isDeepStrictEqual(old[key], now[key])).map((key) => `${within}.${key}`)
  })

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
