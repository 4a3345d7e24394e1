import type { ControlClient } from '../app/control-client.ts'
import type { QueueRow } from '../app/control-rows.ts'
import type { ListMatch } from '../spool/spool.ts'
import { printable } from './io.ts'
import { secondsOf } from './queue-text.ts'

/** Why nothing is done now to a message that is held, and what would be. Undefined: it is not held. */
export const heldWhy = ({ id, heldUntil, recipients }: QueueRow): string | undefined => {
  const name = printable(id)
  if (heldUntil !== null) {
    const until = `is held until ${secondsOf(heldUntil)} UTC, as its sender wished`
    return `${name} ${until}; smail queue release ${name} sends it now`
  }
  if (recipients.every(({ fate }) => fate !== 'held')) return undefined
  return `${name} is held; smail queue release ${name} lets it go on`
}

/** A line on what of the mail that fits is held for its senders; empty where none is. */
export const heldForSenders = async (client: ControlClient, match: ListMatch): Promise<string> => {
  let messages = 0
  let [first, last] = ['', '']
  let only = 'ID'
  const each = async (item: unknown) => {
    const { id, heldUntil } = item as QueueRow
    if (heldUntil === null) return
    messages++
    only = messages === 1 ? printable(id) : 'ID'
    if (first === '' || heldUntil < first) first = heldUntil
    if (heldUntil > last) last = heldUntil
  }
  if (match.fate === undefined || match.fate === 'held') {
    await client.call({ do: 'list', match: { ...match, fate: 'held' } }, { each })
  }
  if (messages === 0) return ''
  const until = first === last ? secondsOf(first) : `times from ${secondsOf(first)} to ${secondsOf(last)}`
  const [who, wish] = messages === 1 ? ['1 message is', 'its sender'] : [`${messages} messages are`, 'their senders']
  return `${who} held until ${until} UTC, as ${wish} wished; smail queue release ${only} sends ${messages === 1 ? 'it' : 'one'} now\n`
}
