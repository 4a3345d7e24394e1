import { pathToFileURL } from 'node:url'
import { z } from 'zod'
import { kind } from '../config/kinds.ts'
import type { ExtensionSchemas } from '../config/schema.ts'
import type { ExtensionBlocks } from '../config/settings.ts'
import { readChecked } from '../config/settings-file.ts'
import type { Extension } from '../smtp/extension.ts'
import { createRegistry, type Registry } from '../smtp/registry.ts'
import { type ExtensionModule, extensionKit, type MakeModule } from './extension-module.ts'
import { extensionSchemas } from './extensions.ts'
import { Unfit } from './unfit.ts'

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
  files: readonly string[],
  uid: number,
): Promise<{ readonly modules: readonly ExtensionModule[]; readonly faults: readonly ModuleFault[] }> => {
  const modules: ExtensionModule[] = []
  const faults: ModuleFault[] = []
  for (const [index, file] of files.entries()) {
    try {
      if (readChecked(file, uid) === undefined) throw new Error('does not exist')
      const made = readModule(await import(pathToFileURL(file).href))
      const twice = modules.some(({ keyword }) => keyword === made.keyword)
      if (twice || extensionSchemas.has(made.keyword.toLowerCase())) throw new Error(`${made.keyword} is there already`)
      modules.push(made)
    } catch (error) {
      faults.push({ index, message: `${file}: ${error instanceof Error ? error.message : String(error)}` })
    }
  }
  return { modules, faults }
}

const readModule = (exported: { readonly extension?: unknown }): ExtensionModule => {
  const { extension: make } = exported
  if (typeof make !== 'function') throw new Error('exports no function `extension`')
  const made: unknown = (make as MakeModule)(extensionKit)
  const { keyword, make: makeIt } = (made ?? {}) as Partial<ExtensionModule>
  if (typeof keyword !== 'string' || typeof makeIt !== 'function') {
    throw new Error('`extension` gives no { keyword, make }')
  }
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

/** The extensions of modules, by the blocks that hold for a listener or a transport. */
export const moduleExtensions = (modules: readonly ExtensionModule[], blocks: ExtensionBlocks): readonly Extension[] =>
  modules.flatMap((module) => {
    const block = blocks[module.keyword.toLowerCase()]
    return block === 'off' ? [] : [module.make(block ?? {})]
  })

/** Throws `Unfit`: extensions of Smail's own leave room for each other, those of modules may not. */
export const registryOf = (extensions: readonly Extension[]): Registry => {
  try {
    return createRegistry(extensions)
  } catch (error) {
    throw new Unfit([{ path: ['modules'], message: error instanceof Error ? error.message : String(error) }])
  }
}
