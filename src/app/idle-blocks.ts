import type { Issue, Path } from '../config/check.ts'
import { kindOf } from '../config/kinds.ts'
import type { ExtensionBlocks, Settings } from '../config/settings.ts'
import { valueAt } from '../config/value-at.ts'
import { type AtTransport, type ExtensionRow, extensionTable } from './extension-table.ts'
import { forHops, type Offered, offered } from './extensions.ts'

/** What extensions are made with at each kind of place. */
export interface MadeWith {
  readonly asServer: Parameters<typeof offered>[1]
  readonly asClient: AtTransport['services']
  /** What programs of this machine are offered. */
  readonly local: Offered
}

/**
 * Blocks of extensions that can have no effect where they stand, as the extensions themselves answer for the place. `given`:
 * the settings as they were written, defaults left out.
 */
export const idleBlocks = (settings: Settings, given: unknown, made: MadeWith): readonly Issue[] => [
  ...settings.listen.flatMap((listener) => {
    const path = ['listen', listener.name, 'extensions']
    const offers = (extensions: ExtensionBlocks) => offered({ ...listener, extensions }, made.asServer)
    return idleAt(given, path, (keyword, block) =>
      listener.protocol === 'mtqp'
        ? rowOf(keyword)?.mtqp
          ? undefined
          : 'no mail comes in by MTQP'
        : unoffered(offers, settings.extensions, listener.extensions, keyword, block),
    )
  }),
  ...settings.transports.flatMap((transport) => {
    if (!('extensions' in transport)) return []
    const path = ['transports', transport.name, transport.driver, 'extensions']
    const { driver: dialect, extensions: blocks, tls } = transport
    const at = { dialect, extensions: blocks, tls, services: made.asClient }
    const offers = (extensions: ExtensionBlocks) => forHops(dialect, extensions, tls, made.asClient)
    return idleAt(given, path, (keyword, block) => {
      const why = unoffered(offers, settings.extensions, blocks, keyword, block)
      const row = rowOf(keyword)
      if (why !== undefined || row === undefined) return why
      if (isOff(block)) return row.clientStays ? 'it stays, for what mail was promised' : undefined
      return isEmpty(block) || readsAsClient(row, at) ? undefined : 'only servers go by what is set of it'
    })
  }),
  ...idleAt(given, ['extensions'], (keyword, block) => idleEverywhere(settings, keyword, block, made)),
]

const rowOf = (keyword: string): ExtensionRow | undefined => extensionTable.find(({ name }) => name === keyword)

const isOff = (block: unknown): boolean => block === 'off' || block === false

const isEmpty = (block: unknown): boolean => block === null || Object.keys(block as object).length === 0

/** The blocks that are written at a place and of which there is something to say. */
const idleAt = (
  given: unknown,
  path: Path,
  whyIdle: (keyword: string, block: unknown) => string | undefined,
): readonly Issue[] =>
  Object.entries(writtenAt(given, path)).flatMap(([keyword, block]): Issue[] => {
    const why = whyIdle(keyword, block)
    return why === undefined ? [] : [{ path: [...path, keyword], message: `has no effect: ${why}`, ofKey: true }]
  })

const writtenAt = (given: unknown, path: Path): object => {
  const found = valueAt(given, path)
  return typeof found === 'object' && found !== null ? found : {}
}

/** Why an extension is not there whatever its block says. Undefined: it is, or nothing but `off` keeps it from being. */
const unoffered = (
  offers: (blocks: ExtensionBlocks) => Offered,
  general: ExtensionBlocks,
  blocks: ExtensionBlocks,
  keyword: string,
  block: unknown,
): string | undefined => {
  if (!isOff(block)) return offers(blocks).whyNot.get(keyword)
  return isOff(general[keyword]) ? undefined : offers({ ...blocks, [keyword]: general[keyword] }).whyNot.get(keyword)
}

/** Why what holds for all holds for nobody. */
const idleEverywhere = (
  settings: Settings,
  keyword: string,
  block: unknown,
  { asServer, asClient, local }: MadeWith,
): string | undefined => {
  const row = rowOf(keyword)
  const names = row?.schema !== undefined && kindOf(row.schema).offUnlessNamed === true
  if (row === undefined || isOff(block) || (isEmpty(block) && !names)) return undefined
  const mail = settings.listen.filter(({ protocol }) => protocol !== 'mtqp')
  const whys = [...mail.map((one) => offered(one, asServer)), local].map(({ whyNot }) => whyNot.get(keyword))
  if (whys.includes(undefined) || (row.mtqp && mail.length < settings.listen.length)) return undefined
  const forSome = settings.transports.some((one) => {
    if (!('extensions' in one)) return false
    const at = { dialect: one.driver, extensions: one.extensions, tls: one.tls, services: asClient }
    return typeof row.client?.(at) === 'object' && (names || readsAsClient(row, at))
  })
  return forSome || reads(row.name, settings.extensions, (blocks) => row.queue?.(blocks)) ? undefined : whys[0]
}

const readsAsClient = (row: ExtensionRow, at: AtTransport): boolean =>
  reads(row.name, at.extensions, (extensions) => row.client?.({ ...at, extensions }))

/** Whether a block is looked at. */
const reads = (name: string, blocks: ExtensionBlocks, make: (blocks: ExtensionBlocks) => unknown): boolean => {
  let read = false
  make(
    new Proxy(blocks, {
      get(target, key) {
        if (key === name) read = true
        return Reflect.get(target, key) as unknown
      },
    }),
  )
  return read
}
