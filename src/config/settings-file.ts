import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs'

/** The file that counts when none is named. */
export const STANDARD_FILE = '/etc/smail/smail.yaml'

const MOST_OCTETS = 1024 * 1024

/** The text of a file that nobody else can have written. Undefined: there is none. Throws, in words, what is wrong. */
export const readChecked = (file: string, uid: number): string | undefined => {
  let descriptor: number
  try {
    // A FIFO would make the opening wait for a writer.
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw new Error(`cannot be read (${code})`)
  }
  try {
    const found = fstatSync(descriptor)
    if (!found.isFile()) throw new Error('is no file')
    if (found.uid !== 0 && found.uid !== uid) {
      throw new Error(`belongs to uid ${found.uid}; expected root or uid ${uid}, who runs this`)
    }
    if ((found.mode & 0o022 & others(found)) !== 0)
      throw new Error('may be written by others; expected mode 0644 or less')
    if (found.size > MOST_OCTETS) throw new Error(`has ${found.size} octets; expected at most ${MOST_OCTETS}`)
    return decode(readUpTo(descriptor, MOST_OCTETS))
  } finally {
    closeSync(descriptor)
  }
}

/** Whether the file is no place for secrets. */
export const isReadByOthers = (file: string): boolean => {
  const found = statSync(file, { throwIfNoEntry: false })
  return found !== undefined && (found.mode & 0o044 & others(found)) !== 0
}

/** One's own group may be private to oneself, as it is where the umask is 002; any other group is others. */
const others = ({ gid }: Stats): number => (gid === process.getgid?.() ? 0o007 : 0o077)

const readUpTo = (descriptor: number, most: number): Uint8Array => {
  const buffer = Buffer.alloc(most + 1)
  let length = 0
  for (let got = -1; got !== 0 && length < buffer.length; length += got) {
    got = readSync(descriptor, buffer, length, buffer.length - length, null)
  }
  if (length > most) throw new Error(`has more than ${most} octets`)
  return buffer.subarray(0, length)
}

/** The first octet that makes a file no text. Columns count characters. */
export class BadOctet extends Error {
  override readonly name = 'BadOctet'
  readonly line: number
  readonly column: number

  constructor(octet: number, before: string) {
    super(`the octet \\x${octet.toString(16).padStart(2, '0')} is no UTF-8 text`)
    const lines = before.replace(/^\ufeff/, '').split('\n')
    this.line = lines.length
    this.column = 1 + (lines.at(-1) ?? '').length
  }
}

const decode = (octets: Uint8Array): string => {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(octets)
  } catch {
    throw badOctet(octets)
  }
}

/** Encoded again, what was read in its place differs from there on. */
const badOctet = (octets: Uint8Array): BadOctet => {
  const lenient = new TextDecoder('utf-8', { ignoreBOM: true }).decode(octets)
  const again = Buffer.from(lenient)
  let at = 0
  while (at < again.length && again[at] === octets[at]) at++
  // As a stream: the beginning of a character is no character yet.
  const before = new TextDecoder('utf-8', { ignoreBOM: true }).decode(octets.subarray(0, at), { stream: true })
  return new BadOctet(octets[Buffer.byteLength(before)] ?? 0, before)
}
