import { formatAddress } from '../mail/address.ts'
import type { Instant } from '../mail/instant.ts'
import type { SpooledMessage } from '../spool/spool.ts'
import type { DiskFile } from './local-disk.ts'
import type { Plan } from './local-lock.ts'

const SCANNED = 64 * 1024

/** `From SENDER DATE`, the date as asctime(3) writes it, in UTC. */
export const fromLine = ({ sender }: Pick<SpooledMessage, 'sender'>, at: Instant): string => {
  const [day = '', date = '', month = '', year = '', time = ''] = new Date(at).toUTCString().split(/,? /)
  const who = sender === null ? 'MAILER-DAEMON' : formatAddress(sender).replace(/\s/g, '-')
  return `From ${who} ${day} ${month} ${String(Number(date)).padStart(2)} ${time} ${year}`
}

/** What must stand between the end of a mailbox and the next `From ` line, so that there is an empty line. */
export const gapBefore = async (file: DiskFile, size: number): Promise<string> => {
  if (size === 0) return ''
  const end = Buffer.from(await file.read(Math.max(0, size - 2), 2)).toString('latin1')
  return end.endsWith('\n\n') || end === '\n' ? '' : end.endsWith('\n') ? '\n' : '\n\n'
}

/** Whether all that stands behind `plan.size` is what the plan meant to append, or the beginning of it. */
export const isPlanned = async (file: DiskFile, size: number, plan: Plan): Promise<boolean> => {
  const line = `${plan.firstLine}\n`
  const head = await file.read(plan.size, line.length + 2)
  const begun = Buffer.from(head)
    .toString('latin1')
    .replace(/^\n{0,2}/, '')
  if (!line.startsWith(begun) && !begun.startsWith(line)) return false
  // Within a message no line begins so, they are quoted: it is another's.
  for (let at = plan.size + line.length - 1; at < size; at += SCANNED) {
    const part = Buffer.from(await file.read(at, SCANNED + '\nFrom '.length))
    if (part.includes('\nFrom ')) return false
  }
  return true
}
