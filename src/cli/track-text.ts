import type { TrackingRefused } from '../mtqp/client.ts'
import type { Station } from '../mtqp/follow.ts'
import type { TrackedMessage, TrackedRecipient } from '../mtqp/read-answer.ts'
import { EXIT } from './exit.ts'
import { printable } from './io.ts'

/** One host's word, for people. */
export const stationText = ({ host, messages, why }: Station): string =>
  messages === undefined
    ? `${printable(host)}: ${printable(why ?? 'nothing')}\n`
    : messages.map((message) => messageText(message, messages[0] === message ? host : undefined)).join('')

const messageText = ({ reporter, arrival, recipients }: TrackedMessage, host: string | undefined): string => {
  const since = arrival === undefined ? '' : `, where it came on ${arrival}`
  const name = host === undefined || host === reporter ? reporter : `${reporter} (${host})`
  return `${printable(`${name}${since}`)}:\n${recipients.map((one) => `  ${recipientText(one)}\n`).join('')}`
}

const WORDS: Readonly<Record<string, string>> = {
  failed: 'failed',
  delayed: 'waits here',
  delivered: 'delivered',
  expanded: 'went to several addresses, where tracking ends',
  relayed: 'passed on to a host that tells nothing of it',
  transferred: 'passed on',
  opaque: 'nothing is told',
}

const recipientText = (one: TrackedRecipient): string => {
  const { original, final, action, status, remote, lastAttempt, retryUntil } = one
  const who = original === final || original === '' ? final : `${original}, as ${final}`
  const details = [
    ...(status === '' ? [] : [status]),
    ...(remote === undefined ? [] : [`${action === 'transferred' || action === 'relayed' ? 'to' : 'host'} ${remote}`]),
    ...(lastAttempt === undefined ? [] : [`tried on ${lastAttempt}`]),
    ...(retryUntil === undefined ? [] : [`until ${retryUntil}`]),
  ]
  return printable(`${who}: ${WORDS[action] ?? action}${details.length > 0 ? ` (${details.join('; ')})` : ''}`)
}

/** The same for programs. */
export const stationJson = ({ host, messages, why }: Station): object =>
  messages === undefined ? { host, why } : { host, messages }

/** The exit code for what the first host says. */
export const failed = ({ error }: Station): number => {
  if (error === undefined) return EXIT.ok
  const { name, kind } = error as TrackingRefused
  if (name !== 'TrackingRefused') return EXIT.tempFail
  return { unknown: EXIT.refused, later: EXIT.tempFail, never: EXIT.unavailable }[kind]
}
