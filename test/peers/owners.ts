import { chownSync, readFileSync } from 'node:fs'

/** Of a user of the machine. */
export const idsOf = (user: string): { readonly uid: number; readonly gid: number } => {
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n')
  const [, , uid, gid] = lines.find((line) => line.startsWith(`${user}:`))?.split(':') ?? []
  if (uid === undefined || gid === undefined) throw new Error(`There is no user ${user}`)
  return { uid: Number(uid), gid: Number(gid) }
}

/** Gives files to a user of the machine and the group of that user. */
export const chownTo = (user: string, ...paths: readonly string[]): void => {
  const { uid, gid } = idsOf(user)
  for (const path of paths) chownSync(path, uid, gid)
}
