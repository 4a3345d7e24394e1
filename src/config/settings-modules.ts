import { dirname } from 'node:path'
import { parseDocument } from 'yaml'
import type { Machine } from './machine.ts'
import { place } from './place.ts'
import { readChecked } from './settings-file.ts'

/**
 * The files of modules that a settings file names, absolute: they have to be known before the rest can be read. None where
 * the file cannot be read so far; what is wrong is told when all of it is checked.
 */
export const modulesOf = (file: string, { uid, home }: Machine): readonly string[] => {
  try {
    const source = readChecked(file, uid)
    if (source === undefined) return []
    const document = parseDocument(source, { uniqueKeys: false, prettyErrors: false, logLevel: 'silent' })
    const given: unknown = document.get('modules')
    const list = typeof given === 'string' ? [given] : (given as { toJSON?(): unknown } | undefined)?.toJSON?.()
    const names = Array.isArray(list) ? list.filter((one): one is string => typeof one === 'string') : []
    return names.map((name) => place(name, { base: dirname(file), home }))
  } catch {
    return []
  }
}
