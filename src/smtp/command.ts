import { BadAddress, isAscii, readPath } from '../mail/address.ts'
import type { ReversePath } from '../mail/envelope.ts'
import { refuse } from '../mail/reply.ts'

/** One command line in words. `verb` is in upper case. */
export interface Command {
  readonly verb: string
  readonly args: string
}

const decoder = new TextDecoder('utf-8', { fatal: true })

/** Octets (one character each) as the text they are. Refused: what is not UTF-8, and control characters. */
const decode = (line: string): string => {
  if (/[\0-\x08\n-\x1f\x7f]/.test(line)) return refuse(500, '5.5.2', 'Control characters have no place in a command')
  if (isAscii(line)) return line
  try {
    return decoder.decode(Buffer.from(line, 'latin1'))
  } catch {
    return refuse(500, '5.5.2', 'Not UTF-8')
  }
}

/** A line of octets, one character each, as people are to see it, whatever it is: UTF-8 where it is that. */
export const shownLine = (line: string): string => {
  try {
    return decoder.decode(Buffer.from(line, 'latin1'))
  } catch {
    return line
  }
}

/** Throws a Refusal for a line with control characters (bare CR and LF among them), or without a verb. */
export const readCommand = (line: string): Command => {
  const [, verb, args] = /^([A-Za-z][A-Za-z0-9-]*)(?: (.*))?$/.exec(decode(line).trimEnd()) ?? []
  if (verb === undefined) return refuse(500, '5.5.2', 'That is not a command')
  return { verb: verb.toUpperCase(), args: args ?? '' }
}

/** A path and parameter words as MAIL and RCPT have them, nothing of it judged beyond its grammar. */
export interface PathAndWords {
  readonly path: ReversePath
  readonly words: readonly { readonly name: string; readonly text: string | true }[]
}

const LABELLED = { FROM: /^FROM: ?(<.*)$/is, TO: /^TO: ?(<.*)$/is }

/**
 * `FROM:<path> WORDS` or `TO:<path> WORDS`. One space after the colon is put up with (RFC 5321 4.1.1.2 allows none). Whether
 * the path may hold UTF-8 is decided later, by the parameters. Throws a Refusal.
 */
export const readPathAndWords = (args: string, label: 'FROM' | 'TO'): PathAndWords => {
  const [, text] = LABELLED[label].exec(args) ?? []
  if (text === undefined) return refuse(501, '5.5.4', `Syntax: ${label}:<address> and parameters`)
  const { path, rest } = read(text, label)
  if (rest !== '' && rest[0] !== ' ') return refuse(501, '5.5.2', 'A space stands between the path and its parameters')
  return { path, words: rest.split(' ').filter(Boolean).map(readWord) }
}

const read = (text: string, label: 'FROM' | 'TO'): ReturnType<typeof readPath> => {
  try {
    return readPath(text, true)
  } catch (error) {
    if (!(error instanceof BadAddress)) throw error
    return refuse(501, label === 'FROM' ? '5.1.7' : '5.1.3', error.message)
  }
}

/** A word as a parameter. Throws a Refusal when it can be none. */
export const readWord = (word: string): PathAndWords['words'][number] => {
  const [, name, text] = /^([A-Za-z0-9][A-Za-z0-9-]*)(?:=([^ ]+))?$/.exec(word) ?? []
  if (name === undefined) return refuse(501, '5.5.4', 'Malformed parameter')
  return { name: name.toUpperCase(), text: text ?? true }
}
