import type { Extension } from '../smtp/extension.ts'
import type { ExtensionRow } from './mta.ts'

/** What is there, read off the facets: nothing is declared twice. */
export const extensionRows = (
  offers: ReadonlyMap<string, readonly Extension[]>,
  client: readonly Extension[],
): readonly ExtensionRow[] => {
  const byKeyword = new Map<string, Extension>()
  for (const extension of [...[...offers.values()].flat(), ...client]) {
    if (!byKeyword.has(extension.keyword)) byKeyword.set(extension.keyword, extension)
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
  }))
}

const state = (extension: Extension | undefined): string => {
  if (extension === undefined) return 'off'
  if (extension.silent) return 'silent'
  return extension.server?.offer ? 'offered where it applies' : 'offered'
}

const relay = ({ client, params }: Extension): string => {
  if (client?.without) return 'acts for a hop that lacks it'
  const travels = Object.values(params ?? {}).some((list) => list.some(({ endsHere }) => !endsHere))
  return travels ? 'passes its parameters on' : 'from hop to hop'
}
