import { type Address, BadAddress, readAddress } from '../mail/address.ts'
import type { ParamBag, Recipient } from '../mail/envelope.ts'
import type { Reply } from '../mail/reply.ts'
import type { ListMatch, Operation } from '../spool/spool.ts'
import type { Submission } from './mta.ts'

/**
 * What commands and a running instance say to each other over a UNIX socket: lines of JSON that end with CRLF. A client
 * sends a `Request`; after `submit` come frames, `{"octets": n}` and so many octets, then `{"end": true}`. The server
 * sends any number of `item`s and frames, then one `ok` or `error`; then the next request may come. After the `ok` to
 * `smtp` the connection speaks SMTP. In an envelope addresses are texts, `local@domain` or a local part alone.
 */
export type Request =
  | { readonly do: 'status' | 'extensions' | 'reload' | 'drain' }
  | { readonly do: 'smtp' }
  | { readonly do: 'stop'; readonly now?: boolean }
  | { readonly do: 'list'; readonly match: ListMatch }
  | { readonly do: 'show' | 'body' | 'trace'; readonly id: string }
  | { readonly do: 'operate'; readonly operation: Operation['do']; readonly match: Selection; readonly why?: string }
  | { readonly do: 'explain'; readonly address: string }
  | ({ readonly do: 'submit' } & Submission)

/** What an operation is done to. On everything only when that is said. */
export type Selection = ListMatch & { readonly all?: true }

export type Answer =
  | { readonly item: unknown }
  | { readonly octets: number }
  | { readonly ok: unknown }
  | { readonly error: Fault }

/** `usage`: the request makes no sense. `missing`: no such message. `refused`: `reply` says why. `fault`: ours. */
export interface Fault {
  readonly kind: 'usage' | 'missing' | 'refused' | 'fault'
  readonly message: string
  readonly reply?: Reply
  readonly details?: readonly string[]
}

/** Octets of a line: an envelope of some thousand recipients fits. */
export const MOST_LINE: number = 1024 * 1024

/** Octets of one frame. */
export const MOST_FRAME: number = 1024 * 1024

/** Octets of the name of whoever submits mail, and of the reason for an operation. */
const MOST_USER = 256
const MOST_WHY = 1000

/** Parameters of one envelope or recipient, and octets of one of them: more than all that are registered need. */
const MOST_PARAMS = 50
const MOST_PARAM = 1000

/** Milliseconds for a request to come, and for the other side to take what is sent. */
export const PATIENCE = 60_000
/** The same, where everyone may come. */
export const PATIENCE_WITH_EVERYONE = 5_000

/** Milliseconds for the next frame: it comes as fast as whoever writes into sendmail. */
export const FRAME_PATIENCE = 600_000

/** What a socket that everyone may use takes. */
export const FOR_EVERYONE: readonly string[] = ['submit', 'smtp', 'status']

/** What is no request, with the reason in words. */
export class BadRequest extends Error {
  override readonly name = 'BadRequest'
}

type Fields = Readonly<Record<string, unknown>>

const OPERATIONS = ['retry', 'hold', 'release', 'park', 'unpark', 'delete', 'bounce'] as const
const FATES = ['waiting', 'held', 'delivered', 'failed', 'expanded', 'parked'] as const

/** A line as a request: each part of it of the right type, nothing else in it. Throws `BadRequest`. */
export const readRequest = (line: string): Request => {
  const given = object(parse(line), 'a request')
  const verb = text(given['do'], 'do')
  switch (verb) {
    case 'status':
    case 'extensions':
    case 'reload':
    case 'drain':
    case 'smtp':
      return { do: verb }
    case 'stop':
      return { do: verb, now: given['now'] === true }
    case 'list':
      return { do: verb, match: match(given['match']) }
    case 'show':
    case 'body':
    case 'trace':
      return { do: verb, id: text(given['id'], 'id') }
    case 'explain':
      return { do: verb, address: text(given['address'], 'address') }
    case 'operate':
      return {
        do: verb,
        operation: word(given['operation'], OPERATIONS, 'operation'),
        match: someMatch(given['match']),
        ...(given['why'] === undefined ? {} : { why: shortText(given['why'], 'why', MOST_WHY) }),
      }
    case 'submit':
      return {
        do: verb,
        sender: given['sender'] === null ? null : address(given['sender']),
        params: params(given['params']),
        recipients: recipients(given['recipients']),
        ...(given['user'] === undefined ? {} : { user: shortText(given['user'], 'user', MOST_USER) }),
      }
    default:
      throw new BadRequest(`'${verb.slice(0, 40)}' is nothing that can be done`)
  }
}

export const parse = (line: string): unknown => {
  try {
    // A channel gives one character per octet.
    return JSON.parse(Buffer.from(line, 'latin1').toString('utf8'))
  } catch {
    throw new BadRequest('not JSON')
  }
}

export const object = (given: unknown, what: string): Fields => {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw new BadRequest(`${what} is no object`)
  return given as Fields
}

const text = (given: unknown, what: string): string => {
  if (typeof given !== 'string') throw new BadRequest(`${what} is no text`)
  return given
}

/** Text that will stand in trace fields, log lines and reports. */
const shortText = (given: unknown, what: string, most: number): string => {
  const said = text(given, what)
  if (said === '' || Buffer.byteLength(said) > most) throw new BadRequest(`${what} has not 1 to ${most} octets`)
  if (/[\p{Cc}\p{Cs}\u2028\u2029]/u.test(said)) throw new BadRequest(`${what} has a control character`)
  return said
}

const word = <const W extends string>(given: unknown, words: readonly W[], what: string): W => {
  const found = words.find((one) => one === given)
  if (found === undefined) throw new BadRequest(`${what} is none of ${words.join(', ')}`)
  return found
}

const match = (given: unknown): ListMatch => {
  const fields = object(given ?? {}, 'match')
  const result: { -readonly [K in keyof ListMatch]: ListMatch[K] } = {}
  for (const key of ['id', 'sender', 'recipient', 'domain'] as const) {
    if (fields[key] !== undefined) result[key] = text(fields[key], key)
  }
  if (fields['fate'] !== undefined) result.fate = word(fields['fate'], FATES, 'fate')
  return result
}

const someMatch = (given: unknown): ListMatch => {
  const found = match(given)
  if (Object.keys(found).length === 0 && object(given ?? {}, 'match')['all'] !== true) {
    throw new BadRequest('match says nothing, and not all')
  }
  return found
}

/** A local part alone stands for a mailbox here: its domain is empty. */
const address = (given: unknown): Address => {
  const said = text(given, 'an address')
  try {
    return /@/.test(said) ? readAddress(said) : { ...readAddress(`${said}@localhost`), domain: '' }
  } catch (error) {
    if (error instanceof BadAddress) throw new BadRequest(`'${said.slice(0, 80)}' is no address: ${error.message}`)
    throw error
  }
}

/** The grammar of RFC 5321 4.1.2. Whether there is such a parameter, and what it may say, the one who takes the mail knows. */
const params = (given: unknown): ParamBag => {
  const bag = object(given ?? {}, 'params')
  const entries = Object.entries(bag)
  if (entries.length > MOST_PARAMS) throw new BadRequest(`params are more than ${MOST_PARAMS}`)
  for (const [name, value] of entries) {
    const fits =
      /^[A-Z0-9][A-Z0-9-]*$/.test(name) && (value === true || (typeof value === 'string' && /^[!-<>-~]+$/.test(value)))
    if (!fits) throw new BadRequest('params hold what is no ESMTP parameter')
    if (name.length + String(value).length > MOST_PARAM) {
      throw new BadRequest(`the parameter ${name.slice(0, 40)} is longer than ${MOST_PARAM} octets`)
    }
  }
  return bag as ParamBag
}

const recipients = (given: unknown): readonly Recipient[] => {
  if (!Array.isArray(given) || given.length === 0) throw new BadRequest('recipients are no list of some')
  return given.map((one: unknown): Recipient => {
    const fields = object(one, 'a recipient')
    return { address: address(fields['address']), params: params(fields['params']) }
  })
}

/** The size of the frame that a line announces; undefined for the end. Throws `BadRequest`. */
export const readFrame = (line: string): number | undefined => {
  const given = object(parse(line), 'a frame')
  if (given['end'] === true) return undefined
  const { octets } = given
  if (typeof octets !== 'number' || !Number.isInteger(octets) || octets < 1 || octets > MOST_FRAME) {
    throw new BadRequest(`a frame has 1 to ${MOST_FRAME} octets`)
  }
  return octets
}
