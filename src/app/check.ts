import type { Issue } from '../config/check.ts'
import type { Settings } from '../config/settings.ts'
import { createMta } from './compose.ts'
import type { ExtensionModule } from './extension-module.ts'
import { socketFaults, spoolFaults } from './folders.ts'
import { Unfit } from './unfit.ts'

/** What a start would find wrong with the files and folders that settings name. Listens nowhere, opens no spool, makes nothing. */
export const faultsOfParts = async (
  settings: Settings,
  modules: readonly ExtensionModule[] = [],
): Promise<readonly Issue[]> => {
  const folders = [...(await spoolFaults(settings)), ...(await socketFaults(settings))]
  try {
    await (await createMta(settings, { modules })).stop()
    return folders
  } catch (error) {
    if (error instanceof Unfit) return [...error.issues, ...folders]
    throw error
  }
}
