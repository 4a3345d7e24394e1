import { resolve } from 'node:path'
import { type Loaded, type LoadOptions, loadSettings } from '../config/load.ts'
import { thisMachine } from '../config/machine.ts'
import { STANDARD_FILE } from '../config/settings-file.ts'
import { modulesOf } from '../config/settings-modules.ts'
import type { ExtensionModule } from './extension-module.ts'
import { loadModules, schemasWith } from './modules.ts'

/** `modules`: those that could be loaded. */
export type LoadedWith = Loaded & { readonly modules: readonly ExtensionModule[] }

/**
 * As `loadSettings`, with the modules that the settings name, which are imported: they are code. Where there are faults, those
 * of the files and folders that settings name are among them.
 */
export const loadAll = async (options: Omit<LoadOptions, 'extensions' | 'issues'>): Promise<LoadedWith> => {
  const machine = options.machine ?? thisMachine(options.env)
  const files = modulesOf(resolve(options.file ?? options.standardFile ?? STANDARD_FILE), machine)
  const { modules, faults } = await loadModules(files, machine.uid)
  const issues = faults.map(({ index, message }) => ({ path: ['modules', index], message }))
  const loaded = loadSettings({ ...options, machine, extensions: schemasWith(modules), issues })
  if ('settings' in loaded || loaded.rest === undefined) return { ...loaded, modules }
  const { settings, placed } = loaded.rest
  const { faultsOfParts } = await import('./check.ts')
  return { ...loaded, modules, faults: placed(await faultsOfParts(settings, modules)) }
}
