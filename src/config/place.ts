import { isAbsolute, join, resolve } from 'node:path'

/** Paths of a settings file: relative ones start at its folder, `~/` is the home of whoever runs us. */
export interface Places {
  readonly base: string
  readonly home: string
  /** The file is no place for secrets. */
  readonly readByOthers?: true
}

/** A text of a settings file as an absolute path. Throws an Error that says why it is none. */
export const place = (given: string, { base, home }: Places): string => {
  if (given === '') throw new Error('is empty; expected a path')
  if (given.includes('\0')) throw new Error('has a NUL octet; expected a path')
  if (given === '~' || given.startsWith('~/')) return join(home, given.slice(1))
  if (given.startsWith('~')) throw new Error(`'${given}': only ~/ stands for a home; expected a path`)
  return isAbsolute(given) ? resolve(given) : resolve(base, given)
}
