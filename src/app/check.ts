import type { Issue } from '../config/check.ts'
import type { Settings } from '../config/settings.ts'
import { createMta } from './compose.ts'
import type { ExtensionModule } from './extension-module.ts'
import { socketFaults, spoolFaults } from './folders.ts'
import type { Explained, Mta } from './mta.ts'
import { Unfit } from './unfit.ts'

/** What a start would find wrong with the files and folders that settings name. Listens nowhere, opens no spool, makes nothing. */
export const faultsOfParts = async (
  settings: Settings,
  modules: readonly ExtensionModule[] = [],
): Promise<readonly Issue[]> => (await checkParts(settings, undefined, modules)).faults

/** The same, and what is no fault and hardly meant: what can have no effect, a postmaster that nobody is. `given`: the settings as they were written, defaults left out. */
export const checkParts = async (
  settings: Settings,
  given: unknown,
  modules: readonly ExtensionModule[] = [],
): Promise<{ readonly faults: readonly Issue[]; readonly warnings: readonly Issue[] }> => {
  const folders = [...(await spoolFaults(settings)), ...(await socketFaults(settings))]
  try {
    const mta = await createMta(settings, { modules })
    const warnings = [...mta.idle(given), ...(await unread(settings, mta))]
    await mta.stop()
    return { faults: folders, warnings }
  } catch (error) {
    if (error instanceof Unfit) return { faults: [...error.issues, ...folders], warnings: [] }
    throw error
  }
}

/** What nobody can be told of goes to the postmaster, and so does mail that every domain must take (RFC 5321 4.5.1). */
const unread = async ({ postmaster }: Settings, mta: Mta): Promise<readonly Issue[]> => {
  const explained = await mta.explain(postmaster)
  if (hasReader(explained)) return []
  const { result, says } = explained
  return [{ path: ['postmaster'], message: result === 'problem' ? says : `nobody reads its mail: ${says}` }]
}

const hasReader = ({ result, addresses = [] }: Explained): boolean =>
  result === 'addresses' ? addresses.some(hasReader) : result === 'mailbox' || result === 'host'
