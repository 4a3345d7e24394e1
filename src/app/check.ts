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
): Promise<readonly Issue[]> => (await checkParts(settings, undefined, modules)).faults

/** The same, and what can have no effect. `given`: the settings as they were written, defaults left out. */
export const checkParts = async (
  settings: Settings,
  given: unknown,
  modules: readonly ExtensionModule[] = [],
): Promise<{ readonly faults: readonly Issue[]; readonly idle: readonly Issue[] }> => {
  const folders = [...(await spoolFaults(settings)), ...(await socketFaults(settings))]
  try {
    const mta = await createMta(settings, { modules })
    const idle = mta.idle(given)
    await mta.stop()
    return { faults: folders, idle }
  } catch (error) {
    if (error instanceof Unfit) return { faults: [...error.issues, ...folders], idle: [] }
    throw error
  }
}
