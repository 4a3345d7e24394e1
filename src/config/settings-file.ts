import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'

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
    // One's own group may be private to oneself, as it is where the umask is 002; any other group is others.
    const others = found.gid === process.getgid?.() ? 0o002 : 0o022
    if ((found.mode & others) !== 0) throw new Error('may be written by others; expected mode 0644 or less')
    if (found.size > MOST_OCTETS) throw new Error(`has ${found.size} octets; expected at most ${MOST_OCTETS}`)
    return decode(readUpTo(descriptor, MOST_OCTETS))
  } finally {
    closeSync(descriptor)
  }
}

const readUpTo = (descriptor: number, most: number): Uint8Array => {
  const buffer = Buffer.alloc(most + 1)
  let length = 0
  for (let got = -1; got !== 0 && length < buffer.length; length += got) {
    got = readSync(descriptor, buffer, length, buffer.length - length, null)
  }
  if (length > most) throw new Error(`has more than ${most} octets`)
  return buffer.subarray(0, length)
}

const decode = (octets: Uint8Array): string => {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(octets)
  } catch {
    throw new Error('is not UTF-8 text')
  }
}
