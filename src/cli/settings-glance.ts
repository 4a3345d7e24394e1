import { stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { readListenAddress } from '../config/hosts.ts'
import type { Machine } from '../config/machine.ts'
import { place } from '../config/place.ts'
import { readChecked, STANDARD_FILE } from '../config/settings-file.ts'
import { type AskedHost, MTQP_PORT } from '../mtqp/uri.ts'

/** What a settings file says of the instance that runs by it, whatever else is wrong with the file. Absent: not said. */
export interface Glance {
  readonly socket?: string
  readonly submission?: string
  readonly drop?: string
  readonly hostname?: string
  readonly spool?: string
  /** Ports of listeners for MTQP. */
  readonly tracking: readonly number[]
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
  const tracking = trackingPorts(valueAt(['listen']))
  return { ...found, tracking, unclear, modules: valueAt(['modules']) !== undefined, uid: (await stat(file)).uid }
}

/**
 * Where this machine's mail system is asked what became of tracked mail: what it calls itself, and the port where that is not
 * the usual one, as the settings say that are named, else the standard ones, else the machine.
 */
export const ownTracking = async (file: string | undefined, machine: Machine): Promise<AskedHost> => {
  const found = await glance(resolve(file ?? STANDARD_FILE), machine).catch(() => undefined)
  const [port, ...more] = (found?.tracking ?? []).filter((one) => one > 0)
  const isUsual = port === undefined || [port, ...more].includes(MTQP_PORT)
  return { host: found?.hostname ?? machine.hostname, ...(isUsual ? {} : { port }) }
}

/** Of the listeners that answer those who ask, as far as they can be read. */
const trackingPorts = (listen: unknown): readonly number[] => {
  const sections = (listen as { toJSON?(): unknown } | undefined)?.toJSON?.()
  return Object.values(sections ?? {}).flatMap((section: { readonly mtqp?: unknown } | null) =>
    [section?.mtqp].flat().flatMap((address) => {
      try {
        const at = readListenAddress(String(address ?? ''), MTQP_PORT)
        return 'port' in at ? [at.port] : []
      } catch {
        return []
      }
    }),
  )
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
