import type { z } from 'zod'
import { kindOf } from '../config/kinds.ts'
import type { ExtensionBlocks, ListenerSettings } from '../config/settings.ts'
import type { Extension } from '../smtp/extension.ts'
import { type AtTransport, type ExtensionServices, extensionTable } from './extension-table.ts'
import { successReports } from './success-reports.ts'

export type { ExtensionServices } from './extension-table.ts'

/** By keyword in lower case, the schema of what may be set. */
export const extensionSchemas: ReadonlyMap<string, z.ZodType> = new Map(
  extensionTable.flatMap(({ name, schema }): [string, z.ZodType][] => (schema ? [[name, schema]] : [])),
)

/** What a listener has, in the order in which they act, and by keyword why it has no more, or offers it to nobody. */
export interface Offered {
  readonly extensions: readonly Extension[]
  readonly whyNot: ReadonlyMap<string, string>
}

/** Modules' own stand before those that have the last word. */
const LAST = new Set(['help', 'expn', 'vrfy', 'enhancedstatuscodes'])

export const offered = (listener: ListenerSettings, services: Omit<ExtensionServices, 'transactionNames'>): Offered => {
  const { extensions: blocks } = listener
  const whyNot = new Map<string, string>()
  const at = { ...listener, services, reports: successReports(listener, services) }
  const made = (last: boolean) =>
    extensionTable.flatMap(({ name, schema, server, nobody, serverOff }): Extension[] => {
      if (LAST.has(name) !== last) return []
      const off = blocks[name] === 'off'
      const one = off ? (serverOff?.() ?? 'off in the settings') : server?.(at)
      if (typeof one === 'object') {
        const why = off ? undefined : nobody?.(at)
        if (why !== undefined) whyNot.set(name, why)
        return [one]
      }
      if (one !== undefined) whyNot.set(name, off && isUnnamed(schema) ? 'not named in the settings' : one)
      return []
    })
  const all = [...made(false), ...(services.modules?.(blocks) ?? []), ...made(true)]
  return { extensions: complete(all, whyNot), whyNot }
}

const isUnnamed = (schema: z.ZodType | undefined): boolean =>
  schema !== undefined && kindOf(schema).offUnlessNamed === true

/** Without those that need one which is not there. */
const complete = (all: readonly Extension[], whyNot: Map<string, string>): readonly Extension[] => {
  const there = new Set(all.map(({ keyword }) => keyword))
  const lacking = ({ requires = [] }: Extension) => requires.find((keyword) => !there.has(keyword))
  const left = all.filter((extension) => {
    const missing = lacking(extension)
    if (missing !== undefined) whyNot.set(extension.keyword.toLowerCase(), `it needs ${missing}`)
    return missing === undefined
  })
  return left.length === all.length ? all : complete(left, whyNot)
}

/** The same for a transport. */
export const forHops = (
  dialect: AtTransport['dialect'],
  blocks: ExtensionBlocks,
  tls: AtTransport['tls'],
  services: AtTransport['services'],
): Offered => {
  const whyNot = new Map<string, string>()
  const made = (last: boolean) =>
    extensionTable.flatMap(({ name, client, clientStays }): Extension[] => {
      if (LAST.has(name) !== last) return []
      const off = blocks[name] === 'off' && !clientStays
      const one = off ? 'off in the settings' : (client?.({ dialect, extensions: blocks, tls, services }) ?? SERVERS)
      if (typeof one === 'object') return [one]
      whyNot.set(name, one)
      return []
    })
  const all = [...made(false), ...(services.modules?.(blocks) ?? []), ...made(true)]
  return { extensions: complete(all, whyNot), whyNot }
}

const SERVERS = 'only servers have it'

export const clientExtensions = (...asked: Parameters<typeof forHops>): Extension[] => [...forHops(...asked).extensions]

/** Every extension that reads stored parameters when mail is expanded and reports are made. */
export const reportExtensions = (blocks: ExtensionBlocks, modules: readonly Extension[] = []): Extension[] => [
  ...extensionTable.flatMap(({ name, queue }) => {
    const off = blocks[name] === 'off' && name === 'submitter'
    return (off ? undefined : queue?.(blocks)) ?? []
  }),
  ...modules,
]
