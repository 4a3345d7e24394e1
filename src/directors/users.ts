import { isAbsolute, join } from 'node:path'
import type { Address } from '../mail/address.ts'
import { Misconfigured } from '../mail/misconfigured.ts'
import type { Clock } from '../observe/clock.ts'
import type { Log } from '../observe/log.ts'
import type { Director, Mailbox } from './director.ts'
import { fold, knownAs, serves } from './local-part.ts'
import { type Account, parsePasswd } from './passwd.ts'
import { keep, type Source } from './source.ts'
import { parseVirtualUsers, userKey } from './virtual-users.ts'

export interface UsersOptions {
  readonly name: string
  readonly from: Passwd | Virtual
  /** The transport that has the mailboxes. */
  readonly transport: string
  /** Absent: for all domains that are ours. */
  readonly domains?: readonly string[]
  /** `alice+tag` is alice where nobody has that name itself. Empty: it is not. Absent: `+`. */
  readonly separator?: string
  /** Of each mailbox. */
  readonly quota?: Mailbox['quota']
  readonly clock: Clock
  readonly log: Log
}

/** The accounts of the machine, in the format of passwd(5). */
export interface Passwd {
  readonly is: 'passwd'
  readonly source: Source
  /** Accounts from this uid (absent: 1000) to that one (absent: 60,000) have mailboxes, and those listed by name. */
  readonly minimumUid?: number
  readonly maximumUid?: number
  readonly listed?: readonly string[]
  /** As whom this program runs. */
  readonly runningUid: number
}

/** Users of Smail's own, in the format of `parseVirtualUsers`. */
export interface Virtual {
  readonly is: 'virtual'
  readonly source: Source
  /** The folder, absolute, below which all their mailboxes lie; it belongs to whoever runs us. */
  readonly root: string
}

type Find = (local: string, domain: string) => Mailbox | undefined
type Kept = { readonly clock: Clock; readonly log: Log }

const fromPasswd = async (passwd: Passwd, kept: Kept): Promise<() => Promise<Find>> => {
  if (passwd.runningUid === 0) {
    throw new Misconfigured(
      'users from passwd: Smail runs as root, and would write into home directories as root. Run it as another user ' +
        '(it then delivers to that user alone) or use virtual users',
    )
  }
  const { minimumUid = 1000, maximumUid = 60_000 } = passwd
  const listed = new Set(passwd.listed)
  const has = ({ user, uid }: Account) => listed.has(user) || (uid >= minimumUid && uid <= maximumUid)
  const parse = (text: string) => {
    // The first of several wins, as with getpwnam(3).
    const accounts = parsePasswd(text).filter(has).reverse()
    return { value: new Map(accounts.map((account) => [fold(account.user), account])), faults: [] }
  }
  const current = await keep(passwd.source, parse, kept)
  return async () => {
    const accounts = await current()
    return (local) => accounts.get(fold(local))
  }
}

const fromVirtual = async ({ source, root }: Virtual, kept: Kept): Promise<() => Promise<Find>> => {
  if (!isAbsolute(root)) throw new Misconfigured(`users from ${source.name}: the root ${root} is not an absolute path`)
  const current = await keep(source, parseVirtualUsers, kept)
  return async () => {
    const users = await current()
    return (local, domain) => {
      const found = users.get(userKey(local, domain)) ?? users.get(fold(local))
      return found && { user: found.user, home: join(root, found.path), root }
    }
  }
}

/**
 * Gives people their mailboxes. Throws `Misconfigured` when the list of users cannot be read, and for passwd users as
 * root: there is no delivery as the user yet, and root must not write into homes.
 */
export const usersDirector = async (options: UsersOptions): Promise<Director> => {
  const { name, from, transport, separator = '+', quota } = options
  const current = await (from.is === 'passwd' ? fromPasswd(from, options) : fromVirtual(from, options))
  const mine = serves(options.domains)
  return {
    name,
    async direct({ local, domain }: Address) {
      if (!mine({ local, domain })) return undefined
      const find = await current()
      for (const form of knownAs(local, separator)) {
        const mailbox = find(form, domain)
        if (mailbox) return { to: 'mailbox', transport, mailbox: quota ? { ...mailbox, quota } : mailbox }
      }
      return undefined
    },
  }
}
