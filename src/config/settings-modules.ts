import { dirname } from 'node:path'
import { parseDocument } from 'yaml'
import type { Machine } from './machine.ts'
import { place } from './place.ts'
import { readChecked } from './settings-file.ts'

/**
 * The files of modules that a settings file names, absolute, undefined for what names none: they have to be known before the
 * rest can be read. None where the file cannot be read so far; what is wrong is told when all of it is checked.
 */
export const modulesOf = (file: string, { uid, home }: Machine): readonly (string | undefined)[] => {
  try {
    const source = readChecked(file, uid)
    if (source === undefined) return []
    const document = parseDocument(source, { uniqueKeys: false, prettyErrors: false, logLevel: 'silent' })
    const given: unknown = document.get('modules')
    const list = typeof given === 'string' ? [given] : (given as { toJSON?(): unknown } | undefined)?.toJSON?.()
    const names: readonly unknown[] = Array.isArray(list) ? list : []
    return names.map((name) => (typeof name === 'string' ? place(name, { base: dirname(file), home }) : undefined))
  } catch {
    return []
  }
}
