import { type Address, BadAddress, readAddress } from '../mail/address.ts'
import type { ParamBag } from '../mail/envelope.ts'
import { refuse } from '../mail/reply.ts'
import type { Param } from './extension.ts'

type Options = Pick<Param<unknown>, 'endsHere'>

const malformed = (name: string): never => refuse(501, '5.5.4', `Malformed ${name} parameter`)

/** A parameter's value in a bag. One that its own reader would refuse counts as absent: it was accepted by an earlier version. */
export const get = <T>(params: ParamBag, param: Param<T>): T | undefined => {
  const text = params[param.name]
  if (text === undefined) return undefined
  try {
    return param.read(text)
  } catch {
    return undefined
  }
}

/** A keyword that stands alone: SMTPUTF8, REQUIRETLS. */
export const flag = (name: string, options: Options = {}): Param<true> => ({
  ...options,
  name,
  maxOctets: name.length + 1,
  read: (text) => (text === true ? text : malformed(name)),
})

/** Decimal digits, at most `digits` of them. A bigint, for 20 digits do not fit a number (RFC 1870 section 4). */
export const number = (name: string, digits: number, options: Options = {}): Param<bigint> => ({
  ...options,
  name,
  maxOctets: name.length + 2 + digits,
  read: (text) => (text !== true && text.length <= digits && /^\d+$/.test(text) ? BigInt(text) : malformed(name)),
})

/** One of these words, in any case. Several extensions may own different words of one parameter. */
export const oneOf = <const W extends string>(name: string, words: readonly W[], options: Options = {}): Param<W> => ({
  ...options,
  name,
  values: words,
  maxOctets: name.length + 2 + Math.max(...words.map((w) => w.length)),
  read: (text) => words.find((word) => text !== true && word === text.toUpperCase()) ?? malformed(name),
})

/** Words separated by commas, in as many octets as it takes to say all of them once. */
export const list = <const W extends string>(
  name: string,
  words: readonly W[],
  options: Options = {},
): Param<readonly W[]> => ({
  ...options,
  name,
  maxOctets: name.length + 1 + words.join(',').length + 1,
  read(text) {
    const given = text === true || text.length > words.join(',').length ? [] : text.toUpperCase().split(',')
    const isKnown = given.length > 0 && given.every((word) => words.some((one) => one === word))
    return isKnown ? words.filter((word) => given.includes(word)) : malformed(name)
  },
})

/** xtext (RFC 3461 section 4) of at most `maxOctets` octets as it stands on the wire; read gives it decoded. */
export const xtext = (name: string, maxOctets: number, options: Options = {}): Param<string> => ({
  ...options,
  name,
  maxOctets: name.length + 2 + maxOctets,
  read: (text) => (text !== true && text.length <= maxOctets ? (fromXtext(text) ?? malformed(name)) : malformed(name)),
})

/** Undefined when it is no xtext, or decodes to anything but printable ASCII: a line break would be a new field in a report. */
export const fromXtext = (text: string): string | undefined => {
  if (!/^(?:[!-*,-<>-~]|\+[0-9A-F]{2})+$/.test(text)) return undefined
  const plain = text.replace(/\+([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return /^[ -~]+$/.test(plain) ? plain : undefined
}

/** ASCII text as xtext. */
export const toXtext = (text: string): string =>
  text.replace(/[^!-*,-<>-~]/g, (c) => `+${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)

/**
 * The argument of VRFY and EXPN: `local@domain`, with or without angle brackets, or a bare name, whose domain is then
 * empty. Throws a Refusal.
 */
export const mailboxArgument = (args: string, utf8 = false): Address => {
  const text = /^<(.*)>$/.exec(args)?.[1] ?? args
  try {
    if (text.includes('@')) return readAddress(text, utf8)
    return { local: readAddress(`${text}@localhost`, utf8).local, domain: '' }
  } catch (error) {
    if (error instanceof BadAddress) return refuse(501, '5.1.3', error.message)
    throw error
  }
}
