import { isIP } from 'node:net'
import { type Address, formatAddress, isAscii, isDomain } from '../mail/address.ts'
import type { Diagnosis } from '../mail/diagnosis.ts'
import type { Instant } from '../mail/instant.ts'
import { GOES_ON, IN_MAILBOX } from '../mail/trail.ts'
import { formatFields } from '../mime/compose.ts'
import { rfc5322Date } from '../mime/date.ts'
import type { Schedule } from '../smtp/extension.ts'
import { fromXtext } from '../smtp/param.ts'
import type { SpooledRecipient, Trailed } from '../spool/spool.ts'

/** RFC 3886 3.3.3. `opaque`: nothing can be said. */
export type Action = 'failed' | 'delayed' | 'delivered' | 'expanded' | 'relayed' | 'transferred' | 'opaque'

export interface StatusOptions {
  readonly hostname: string
  /** When the queue gives up. */
  expires(message: { readonly accepted: Instant; readonly schedule: Schedule }): Instant
}

type Fields = readonly (readonly [name: string, value: string])[]

/** The lines of a message/tracking-status (RFC 3886 3.1), recipient by recipient. */
export function* statusLines(envid: string, message: Trailed, options: StatusOptions): Generator<string, void> {
  const { hostname } = options
  const about: Fields = [
    ['Original-Envelope-Id', printable(envid)],
    ['Reporting-MTA', `${isDomain(hostname) && hostname.includes('.') ? 'dns' : 'x-local-hostname'}; ${hostname}`],
    ['Arrival-Date', rfc5322Date(message.accepted)],
  ]
  const { accepted, schedule } = message
  const retryUntil = schedule && options.expires({ accepted, schedule })
  yield* linesOf(about)
  const children = Map.groupBy(message.recipients, ({ parent }) => parent)
  for (const one of children.get(undefined) ?? []) {
    yield* linesOf(ofRecipient(one, last(one, children), retryUntil))
  }
}

/** With an empty one behind them. */
const linesOf = (fields: Fields): readonly string[] => formatFields(fields).split('\r\n')

/** An alias for one address is a hop like any other (RFC 3885 3.3); where there are several, tracking ends. */
const last = (
  from: SpooledRecipient,
  children: ReadonlyMap<number | undefined, readonly SpooledRecipient[]>,
): SpooledRecipient => {
  const passed = new Set<number>()
  let one = from
  while (one.fate.is === 'expanded' && !passed.has(one.key)) {
    passed.add(one.key)
    const [child, other] = children.get(one.key) ?? []
    if (child === undefined || other !== undefined) break
    one = child
  }
  return one
}

const ofRecipient = (named: SpooledRecipient, one: SpooledRecipient, retryUntil: Instant | undefined): Fields => {
  const action = actionOf(one)
  const word = 'last' in one.fate ? one.fate.last : undefined
  const tried = one.attempts > 0 ? word : undefined
  const at = one.fate.is === 'parked' && one.attempts > 0 ? one.fate.at : tried?.at
  return [
    ['Original-Recipient', originalOf(named)],
    ['Final-Recipient', typed(one.address)],
    ['Action', action],
    ['Status', statusOf(action, word)],
    ...(tried?.remote === undefined ? [] : [['Remote-MTA', `dns; ${hostOf(tried.remote.name)}`] as const]),
    ...(at === undefined ? [] : [['Last-Attempt-Date', rfc5322Date(at)] as const]),
    // What is held or parked is tried again only once somebody says so.
    ...(one.fate.is === 'waiting' && retryUntil !== undefined
      ? [['Will-Retry-Until', rfc5322Date(retryUntil)] as const]
      : []),
  ]
}

const actionOf = ({ fate, reported }: SpooledRecipient): Action => {
  switch (fate.is) {
    case 'waiting':
    case 'held':
    case 'parked':
      return 'delayed'
    case 'failed':
      return 'failed'
    case 'expanded':
      return 'expanded'
    case 'delivered':
      if (reported.includes(GOES_ON)) return 'transferred'
      return fate.last.by !== 'smtp' || reported.includes(IN_MAILBOX) ? 'delivered' : 'relayed'
  }
}

const CLASSES: Readonly<Record<Action, string>> = {
  failed: '45',
  delayed: '4',
  delivered: '2',
  expanded: '2',
  relayed: '2',
  transferred: '2',
  opaque: '2',
}

/** 2.1.9 goes with `relayed`, and with nothing else (RFC 3886 3.3.4). */
const statusOf = (action: Action, word: Diagnosis | undefined): string => {
  if (action === 'relayed') return '2.1.9'
  const status = word?.status ?? ''
  const fits = /^[245](?:\.(?:0|[1-9]\d{0,2})){2}$/.test(status) && CLASSES[action].includes(status.charAt(0))
  if (fits && status !== '2.1.9') return status
  return action === 'failed' && (word?.code ?? 0) >= 500 ? '5.0.0' : `${CLASSES[action].charAt(0)}.0.0`
}

/** The field is required; who gave no ORCPT meant the address of RCPT. */
const originalOf = ({ address, params }: SpooledRecipient): string => {
  const { ORCPT: given } = params
  const [, type, text] = /^([A-Za-z0-9-]+);(.+)$/.exec(given === undefined || given === true ? '' : given) ?? []
  const original = type?.toLowerCase() === 'utf-8' ? text : fromXtext(text ?? '')
  return type === undefined || original === undefined ? typed(address) : `${type}; ${printable(original)}`
}

/** `rfc822; …`, or the 7-bit form of RFC 6533 section 3. */
const typed = (address: Address): string => {
  const text = formatAddress(address)
  if (isAscii(text)) return `rfc822; ${printable(text)}`
  return `utf-8; ${text.replace(/[^!-*,-<>-[\]-~]/gu, (c) => `\\x{${(c.codePointAt(0) ?? 0).toString(16).toUpperCase()}}`)}`
}

const hostOf = (name: string): string => {
  const kind = isIP(name)
  return kind === 0 ? printable(name) : `[${kind === 6 ? 'IPv6:' : ''}${name}]`
}

/** One line of printable ASCII. */
const printable = (text: string): string => text.replace(/[^ -~]/g, '?').slice(0, 600)
