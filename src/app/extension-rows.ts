import type { ListenerSettings } from '../config/settings.ts'
import type { Extension } from '../smtp/extension.ts'
import type { ExtensionRow } from './mta.ts'

/** What is there, read off the facets as far as they tell. */
export const extensionRows = (
  offers: ReadonlyMap<string, readonly Extension[]>,
  client: readonly Extension[],
  listeners: readonly Pick<ListenerSettings, 'name' | 'protocol'>[],
): readonly ExtensionRow[] => {
  const byKeyword = new Map<string, Extension>()
  for (const extension of [...[...offers.values()].flat(), ...client]) {
    // The side that one list has may be missing in another.
    byKeyword.set(extension.keyword, { ...extension, ...byKeyword.get(extension.keyword) })
  }
  return [...byKeyword.values()].map((extension) => ({
    keyword: extension.keyword,
    rfc: extension.rfc,
    server: extension.server !== undefined,
    client: extension.client !== undefined,
    relay: relay(extension),
    listeners: Object.fromEntries(
      [...offers].map(([name, list]) => [name, state(list.find(({ keyword }) => keyword === extension.keyword))]),
    ),
    protocols: Object.fromEntries(listeners.map(({ name, protocol }) => [name, protocol])),
  }))
}

const state = (extension: Extension | undefined): string => {
  if (extension?.server === undefined) return 'off'
  if (extension.silent) return 'silent'
  return extension.words?.offered === undefined ? 'offered' : `offered ${extension.words.offered}`
}

const relay = ({ client, params, words }: Extension): string => {
  if (words?.relay !== undefined) return words.relay
  if (client === undefined) return 'nothing'
  if (client.without) return 'acts for a hop that lacks it'
  const travels = Object.values(params ?? {}).some((list) => list.some(({ endsHere }) => !endsHere))
  return travels ? 'passes its parameters on' : 'from hop to hop'
}
