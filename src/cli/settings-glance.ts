import { stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { Machine } from '../config/machine.ts'
import { place } from '../config/place.ts'
import { readChecked } from '../config/settings-file.ts'

/** What a settings file says of the instance that runs by it, whatever else is wrong with the file. Absent: not said. */
export interface Glance {
  readonly socket?: string
  readonly submission?: string
  readonly drop?: string
  readonly hostname?: string
  readonly spool?: string
  /** It names code, which only `smail` itself loads. */
  readonly modules: boolean
  /** Keys that are there and say nothing that can be used. */
  readonly unclear: readonly string[]
  /** Who owns the file. */
  readonly uid: number
}

const PATHS = {
  socket: ['control', 'socket'],
  submission: ['control', 'submission'],
  drop: ['drop', 'directory'],
  spool: ['spool', 'sqlite', 'path'],
} as const

/**
 * Looks into a file without checking all of it: sendmail starts for every mail, and a file that is wrong must not stand
 * between an operator and what runs. Undefined: there is no such file. Throws, in words, why it may not be read.
 */
export const glance = async (file: string, { uid, home }: Machine): Promise<Glance | undefined> => {
  const source = readChecked(file, uid)
  if (source === undefined) return undefined
  const valueAt = await reader(source)
  const unclear: string[] = []
  const found: { -readonly [K in keyof typeof PATHS | 'hostname']?: string } = {}
  for (const [name, keys] of Object.entries(PATHS) as [keyof typeof PATHS, readonly string[]][]) {
    const given = valueAt(keys)
    if (given === undefined) continue
    try {
      if (typeof given !== 'string') throw new Error('is no text')
      found[name] = place(given, { base: dirname(file), home })
    } catch {
      unclear.push(keys.join('.'))
    }
  }
  const hostname = valueAt(['hostname'])
  if (typeof hostname === 'string') found.hostname = hostname
  return { ...found, unclear, modules: valueAt(['modules']) !== undefined, uid: (await stat(file)).uid }
}

/** What this machine's mail system calls itself: as the settings say that are named, or else the machine. */
export const ownName = async (file: string | undefined, machine: Machine): Promise<string> => {
  const found = file === undefined ? undefined : await glance(resolve(file), machine).catch(() => undefined)
  return found?.hostname ?? machine.hostname
}

const reader = async (source: string): Promise<(keys: readonly string[]) => unknown> => {
  const { parseDocument } = await import('yaml')
  try {
    const document = parseDocument(source, { uniqueKeys: false, prettyErrors: false, logLevel: 'silent' })
    return (keys) => (document.hasIn(keys) ? document.getIn(keys) : undefined)
  } catch {
    return () => undefined
  }
}
