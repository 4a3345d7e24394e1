import type { QueueRow, RecipientRow } from '../app/control-rows.ts'
import { sizeText, spanText } from './columns.ts'
import { printable } from './io.ts'

/** A message of the queue for people: a line for it, and one for each recipient that is not settled. */
export const rowText = (row: QueueRow, now: number): string => {
  const head = `${row.id}  ${secondsOf(row.accepted)}  ${sizeText(row.size).padStart(5)}  ${printable(row.sender)}\n`
  const held = row.heldUntil === null ? '' : `    held until ${secondsOf(row.heldUntil)} UTC, as its sender wished\n`
  return head + held + row.recipients.map((recipient) => `    ${recipientText(recipient, now)}\n`).join('')
}

export const secondsOf = (time: string): string => time.slice(0, 19).replace('T', ' ')

const recipientText = ({ address, fate, due, attempts, last }: RecipientRow, now: number): string => {
  const when =
    due === null || fate === 'held'
      ? ''
      : Date.parse(due) <= now
        ? ', due now'
        : `, due in ${spanText(Date.parse(due) - now)}`
  const tried = attempts === 0 ? '' : `, ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`
  const why = last === null ? '' : `: ${printable(last)}`
  return `${printable(address)} ${fate}${when}${tried}${why}`
}
