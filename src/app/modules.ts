import { pathToFileURL } from 'node:url'
import { z } from 'zod'
import { kind } from '../config/kinds.ts'
import type { ExtensionSchemas } from '../config/schema.ts'
import type { ExtensionBlocks } from '../config/settings.ts'
import { readChecked } from '../config/settings-file.ts'
import type { Extension } from '../smtp/extension.ts'
import { Conflict, createRegistry, type Registry } from '../smtp/registry.ts'
import { type ExtensionModule, extensionKit, type MakeModule } from './extension-module.ts'
import { extensionSchemas } from './extensions.ts'
import { Faults, Unfit } from './unfit.ts'

/** Where in the list of modules something is wrong. */
export interface ModuleFault {
  readonly index: number
  readonly message: string
}

/**
 * Imports the modules that settings name. A file belongs to root or to `uid`, and nobody else may write it: it is code. What
 * was imported once stays what it was until the program ends. Never rejects.
 */
export const loadModules = async (
  files: readonly (string | undefined)[],
  uid: number,
): Promise<{ readonly modules: readonly ExtensionModule[]; readonly faults: readonly ModuleFault[] }> => {
  const modules: ExtensionModule[] = []
  const faults: ModuleFault[] = []
  for (const [index, file] of files.entries()) {
    if (file === undefined) continue
    try {
      if (readChecked(file, uid) === undefined) throw new Error('does not exist')
      const made = readModule(await import(pathToFileURL(file).href))
      const by = modules.some(({ keyword }) => keyword === made.keyword) ? 'another module brings it' : undefined
      const why = extensionSchemas.has(made.keyword.toLowerCase()) ? 'it is one of those that Smail has' : by
      if (why !== undefined) throw new Error(`${made.keyword} is there already: ${why}`)
      modules.push(made)
    } catch (error) {
      faults.push({ index, message: `${file}${lineIn(file, error)}: ${messageOf(error)}` })
    }
  }
  return { modules, faults }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** Where in the file it was thrown, as far as Node.js says: `:12`. */
const lineIn = (file: string, error: unknown): string => {
  const { stack = '' } = error instanceof Error ? error : {}
  const at = stack.indexOf(`${file}:`)
  return at < 0 ? '' : (/^:\d+/.exec(stack.slice(at + file.length))?.[0] ?? '')
}

const readModule = (exported: { readonly extension?: unknown }): ExtensionModule => {
  const { extension: make } = exported
  if (typeof make !== 'function') throw new Error('exports no function `extension`')
  const made: unknown = (make as MakeModule)(extensionKit)
  const { keyword, make: makeIt } = (made ?? {}) as Partial<ExtensionModule>
  if (typeof keyword !== 'string' || typeof makeIt !== 'function') {
    throw new Error('`extension` gives no { keyword, make }')
  }
  const { settings } = made as Partial<ExtensionModule>
  if (settings !== undefined && typeof settings?.safeParse !== 'function')
    throw new Error('`settings` is no zod schema')
  // Throws for what is no keyword.
  createRegistry([{ keyword, rfc: [] }])
  return made as ExtensionModule
}

/** The schemas of all blocks, those of modules included. A module is there because it was named: its block may be absent. */
export const schemasWith = (modules: readonly ExtensionModule[]): ExtensionSchemas =>
  new Map([
    ...extensionSchemas,
    ...modules.map(({ keyword, settings }): [string, z.ZodType] => [
      keyword.toLowerCase(),
      settings ?? kind(z.strictObject({}), { is: 'off, or {}: it has no settings' }),
    ]),
  ])

/**
 * The extensions of modules, by the blocks that hold for a listener or a transport. One without a block has its defaults, and
 * one that has none is left out. Throws `Unfit` for those that cannot be made.
 */
export const moduleExtensions = (
  modules: readonly ExtensionModule[],
  blocks: ExtensionBlocks,
): readonly Extension[] => {
  const faults = new Faults()
  const extensions = modules.flatMap((module, index) => {
    const block = blocks[module.keyword.toLowerCase()] ?? defaults(module)
    if (block === 'off' || block === undefined) return []
    try {
      return [made(module, block)]
    } catch (error) {
      faults.add(['modules', index], `${module.keyword}: ${messageOf(error)}`)
      return []
    }
  })
  faults.demandNone()
  return extensions
}

const made = ({ keyword, make }: ExtensionModule, block: unknown): Extension => {
  const extension = make(block)
  // Its settings would stand under another name than its keyword.
  if (extension?.keyword !== keyword) {
    throw new Error(`its \`make\` gives the extension ${extension?.keyword}; both must have the same keyword`)
  }
  return extension
}

const defaults = ({ settings }: ExtensionModule): unknown => (settings === undefined ? {} : settings.safeParse({}).data)

/**
 * Throws `Unfit`: extensions of Smail's own leave room for each other, those of modules may not. The fault is that of the
 * last module that has to do with it.
 */
export const registryOf = (extensions: readonly Extension[], modules: readonly ExtensionModule[]): Registry => {
  try {
    return createRegistry(extensions)
  } catch (error) {
    if (!(error instanceof Conflict)) throw error
    const index = modules.findLastIndex(({ keyword }) => error.keywords.includes(keyword))
    throw new Unfit([{ path: index < 0 ? ['modules'] : ['modules', index], message: error.message }])
  }
}
