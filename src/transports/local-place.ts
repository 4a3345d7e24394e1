import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import type { Mailbox } from '../directors/director.ts'
import { Misconfigured } from '../mail/misconfigured.ts'
import { type Disk, errorCode } from './local-disk.ts'

/** Where a mailbox is in the file system. */
export interface Place {
  readonly path: string
  /** A folder above it that must be there; those between are made. */
  readonly floor: string
  /** Below this folder nothing on the way may be a link. Absent: the way is the user's own affair. */
  readonly strictBelow?: string
}

const USER = `\${user}`

const component = (user: string): string => {
  if (user !== '' && !user.startsWith('.') && !/[/\0]/.test(user)) return user
  throw new Misconfigured(`the user name ${JSON.stringify(user)} cannot stand in a path`)
}

/** Of a path that does not begin at the home: the folder above its first component that differs from user to user. */
const fixedPart = (template: string): string => dirname(template.split(USER)[0]?.concat('x') ?? template)

/**
 * A transport's path: absolute, or `~` and what follows in the mailbox's home; `${user}` stands for the user's name.
 * Throws `Misconfigured`, at once for a bad template, later for a mailbox that does not fit it.
 */
export const placeOf = (template: string): ((mailbox: Mailbox) => Place) => {
  const bad = (why: string): never => {
    throw new Misconfigured(`the path ${JSON.stringify(template)} ${why}`)
  }
  const inHome = template === '~' || template.startsWith('~/')
  if (!isAbsolute(template) && !inHome) bad('is not absolute and does not begin with ~/')
  if (template.replaceAll(USER, '').includes('$')) bad(`has a variable other than ${USER}`)
  if (template.split('/').includes('..') || template.includes('\0')) bad('has a component ".."')
  const fixed = template.includes(USER) ? fixedPart(template) : dirname(template)

  return ({ user, home, root }) => {
    const named = template.replaceAll(USER, () => component(user))
    if (!inHome) return { path: resolve(named), floor: fixed, strictBelow: fixed }
    if (!isAbsolute(home)) throw new Misconfigured(`the home of ${user} is not an absolute path`)
    const path = join(home, named.slice(1))
    if (root === undefined) return { path, floor: resolve(home) }
    const way = relative(root, path)
    if (way === '' || way.startsWith('..')) throw new Misconfigured(`${path} is not below ${root}`)
    return { path, floor: dirname(resolve(root)), strictBelow: resolve(root) }
  }
}

/** The folders on the way down from `top` to `path`, `path` included; none if it is not below. */
const wayDown = (top: string, path: string): readonly string[] => {
  const parts = relative(top, path).split(sep)
  return parts[0] === '' || parts[0] === '..' ? [] : parts.map((_, index) => join(top, ...parts.slice(0, index + 1)))
}

/** Throws `Misconfigured` when something that exists on the way to `path` is a link and may not be. */
export const refuseLinks = async (disk: Disk, { strictBelow }: Place, path: string): Promise<void> => {
  if (strictBelow === undefined) return
  const look = async (step: string) => {
    try {
      if ((await disk.status(step)).is === 'link')
        throw new Misconfigured(`${step} is a link, which could lead anywhere`)
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error
    }
  }
  await Promise.all(wayDown(strictBelow, path).map(look))
}

/** Makes the folder and those above it, down from `floor`, which must be there; all of them survive a crash. */
export const makeFolders = async (disk: Disk, floor: string, path: string): Promise<void> => {
  for (const folder of wayDown(floor, path)) {
    try {
      await disk.makeFolder(folder)
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error
    }
    // Even if it was there: whoever made it may have failed here.
    await disk.syncFolder(dirname(folder))
  }
}
