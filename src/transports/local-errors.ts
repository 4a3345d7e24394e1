import { Misconfigured } from '../mail/misconfigured.ts'
import { type Reply, reply } from '../mail/reply.ts'
import { errorCode } from './local-disk.ts'

/** Why a local delivery did not happen, where it is neither a fault of ours nor of the message. */
export interface Failure {
  readonly reply: Reply
  /** Nothing else can be delivered there either. */
  readonly down: boolean
}

/** Thrown by a mailbox that somebody else holds. */
export class Locked extends Error {
  override readonly name = 'Locked'
}

const UNWRITABLE = reply(451, '4.3.0', 'The mailbox cannot be written now')

/**
 * What senders are told of an error of the file system; its own words stay with us. Undefined: not an error of the
 * file system. Throws `Misconfigured` for those that no waiting can mend.
 */
export const failureOf = (error: unknown): Failure | undefined => {
  if (error instanceof Locked) return { reply: reply(450, '4.2.0', 'The mailbox is in use'), down: false }
  const code = errorCode(error)
  switch (code) {
    case undefined:
      return undefined
    case 'ENOSPC':
      return { reply: reply(452, '4.3.1', 'No space left for mail'), down: false }
    case 'EDQUOT':
    case 'EFBIG':
      return { reply: reply(452, '4.2.2', 'The mailbox is full'), down: false }
    case 'ELOOP':
    case 'ENOTDIR':
    case 'EISDIR':
    case 'ENAMETOOLONG':
      throw new Misconfigured(error instanceof Error ? error.message : code)
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    case 'ENOENT':
    case 'EIO':
      return { reply: UNWRITABLE, down: true }
    default:
      return { reply: UNWRITABLE, down: false }
  }
}
