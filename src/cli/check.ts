import type { LoadedWith } from '../app/load-all.ts'
import { EXIT, Exit } from './exit.ts'
import { complain, type Io, print } from './io.ts'
import { load } from './settled.ts'
import { CONFIG, type Given, JSON_OPTION, type Usage } from './usage.ts'

export const checkUsage: Usage = {
  name: 'check',
  line: 'smail check [--config FILE] [--json]',
  does:
    'Checks settings as a start would, and tells all that is wrong: FILE:LINE:COL key: what, and what was expected.\n' +
    'What is right and can have no effect where it stands is told as a warning; the exit code is 0 all the same.',
  options: { config: CONFIG, json: JSON_OPTION },
}

export const check = async (given: Given, io: Io): Promise<number> => {
  if (given.words.length > 0) throw new Exit(EXIT.usage, `usage: ${checkUsage.line}`)
  const loaded = await load(given.text('config'), io)
  const { faults, warnings } = await found(loaded)
  if (given.has('json')) {
    await print(io, `${JSON.stringify({ file: loaded.file ?? null, faults, warnings })}\n`)
  } else {
    for (const line of [...faults, ...warnings]) complain(io, line)
    if (faults.length === 0) await print(io, `${loaded.file ?? 'no settings file, all defaults'}: no faults\n`)
  }
  return faults.length === 0 ? EXIT.ok : EXIT.config
}

/** What the settings name may be missing or wrong itself: certificates, alias files, folders. */
const found = async (loaded: LoadedWith): Promise<Record<'faults' | 'warnings', readonly string[]>> => {
  if ('faults' in loaded) return { faults: loaded.faults, warnings: [] }
  const { settings, given, modules, placed } = loaded
  const { faults, warnings } = await (await import('../app/check.ts')).checkParts(settings, given, modules)
  const warned = warnings.map((issue) => ({ ...issue, message: `warning: ${issue.message}` }))
  return { faults: placed(faults), warnings: placed(warned) }
}
