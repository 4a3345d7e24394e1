import type { ListenerSettings } from '../config/settings.ts'
import type { Extension } from '../smtp/extension.ts'
import type { Offered } from './extensions.ts'
import type { ExtensionRow } from './mta.ts'

/**
 * What is there, read off the facets as far as they tell. `known`: all there are, each as it is anywhere, for what is
 * nowhere on offer.
 */
export const extensionRows = (
  offers: ReadonlyMap<string, Offered>,
  client: readonly Extension[],
  known: readonly Extension[],
  listeners: readonly Pick<ListenerSettings, 'name' | 'protocol'>[],
): readonly ExtensionRow[] => {
  const byKeyword = new Map<string, Extension>()
  const offered = [...offers.values()].flatMap(({ extensions }) => extensions)
  for (const extension of [...known, ...offered, ...client]) {
    // The side that one list has may be missing in another.
    byKeyword.set(extension.keyword, { ...byKeyword.get(extension.keyword), ...extension })
  }
  return [...byKeyword.values()].map((extension) => ({
    keyword: extension.keyword,
    rfc: extension.rfc,
    server: extension.server !== undefined,
    client: extension.client !== undefined,
    relay: relay(extension),
    listeners: Object.fromEntries(
      [...offers].map(([name, { extensions, whyNot }]) => {
        const found = extensions.find(({ keyword }) => keyword === extension.keyword)
        return [name, state(found, whyNot.get(extension.keyword.toLowerCase()))]
      }),
    ),
    protocols: Object.fromEntries(listeners.map(({ name, protocol }) => [name, protocol])),
  }))
}

const state = (extension: Extension | undefined, whyNot: string | undefined): string => {
  if (extension?.server === undefined) {
    const why = whyNot ?? (extension?.words?.offered && `offered ${extension.words.offered}`)
    return why === undefined ? 'off' : `off: ${why}`
  }
  if (whyNot !== undefined) return `not offered: ${whyNot}`
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
