import { isAbsolute, resolve } from 'node:path'

export interface Account {
  readonly user: string
  readonly uid: number
  readonly gid: number
  readonly home: string
}

/**
 * Accounts of a text in the format of passwd(5), in its order. Lines that are no account (comments, NIS's `+`, a broken
 * one, a home that is no absolute path, a name that is no single path component) are passed over, as getpwnam(3) does.
 */
export const parsePasswd = (text: string): readonly Account[] =>
  text.split('\n').flatMap((line) => {
    const [user = '', , uid = '', gid = '', , home = ''] = line.split(':')
    const named = /^[^\s/#+.-][^\s/]*$/.test(user) && !user.includes('\0')
    const numbered = /^\d{1,10}$/.test(uid) && /^\d{1,10}$/.test(gid)
    if (!named || !numbered || !isAbsolute(home) || home.includes('\0')) return []
    return [{ user, uid: Number(uid), gid: Number(gid), home: resolve(home) }]
  })
