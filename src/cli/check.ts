import type { Issue } from '../config/check.ts'
import { EXIT, Exit } from './exit.ts'
import { complain, type Io, print } from './io.ts'
import { type Fit, load } from './settled.ts'
import { CONFIG, type Given, JSON_OPTION, type Usage } from './usage.ts'

export const checkUsage: Usage = {
  name: 'check',
  line: 'smail check [--config FILE] [--json]',
  does: 'Checks settings as a start would, and tells all that is wrong: FILE:LINE:COL key: what, and what was expected.',
  options: { config: CONFIG, json: JSON_OPTION },
}

export const check = async (given: Given, io: Io): Promise<number> => {
  if (given.words.length > 0) throw new Exit(EXIT.usage, `usage: ${checkUsage.line}`)
  const loaded = await load(given.text('config'), io)
  const faults = 'faults' in loaded ? loaded.faults : loaded.placed(await faultsOf(loaded))
  if (given.has('json')) {
    await print(io, `${JSON.stringify({ file: loaded.file ?? null, faults })}\n`)
  } else {
    for (const fault of faults) complain(io, fault)
    if (faults.length === 0) await print(io, `${loaded.file ?? 'no settings file, all defaults'}: no faults\n`)
  }
  return faults.length === 0 ? EXIT.ok : EXIT.config
}

/** What the settings name may be missing or wrong itself: certificates, alias files, folders. */
const faultsOf = async ({ settings, modules }: Fit): Promise<readonly Issue[]> =>
  (await import('../app/check.ts')).faultsOfParts(settings, modules)
