import { constants } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, rename, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { Refusal } from '../mail/reply.ts'
import type { Log } from '../observe/log.ts'
import type { WireEnvelope } from './control-client.ts'
import { MOST_LINE, type Request, readRequest } from './control-protocol.ts'
import type { Submission } from './mta.ts'

/**
 * `name` is unique and cannot be guessed. `shared`: the folder is someone else's, who must be able to read what is in it; it
 * is of mode 1733, so that nobody else can look.
 */
export interface DropOptions {
  readonly name: string
  readonly shared: boolean
}

/**
 * Mail that came while nothing ran: a file each, the first line the `submit` request it would have been, the rest the
 * message. A name that ends with `.mail` stands for a whole, synced file.
 */
export const dropMail = async (
  directory: string,
  envelope: WireEnvelope,
  body: AsyncIterable<Uint8Array>,
  { name, shared }: DropOptions,
): Promise<string> => {
  if (!shared) await mkdir(directory, { recursive: true, mode: 0o700 })
  const unfinished = join(directory, `${name}.part`)
  const finished = join(directory, `${name}.mail`)
  const file = await open(unfinished, 'wx', 0o600)
  try {
    try {
      if (shared) await file.chmod(0o644)
      await file.write(`${JSON.stringify({ do: 'submit', ...envelope })}\n`)
      for await (const chunk of body) await writeWhole(file, chunk)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(unfinished, finished)
  } catch (error) {
    await unlink(unfinished).catch(() => {})
    throw error
  }
  const folder = await open(directory, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
  return finished
}

const writeWhole = async (file: FileHandle, chunk: Uint8Array): Promise<void> => {
  for (let from = 0; from < chunk.length; ) from += (await file.write(chunk, from)).bytesWritten
}

export interface CollectOptions {
  readonly directory: string
  readonly log: Log
  submit(mail: Submission, body: AsyncIterable<Uint8Array>): Promise<{ readonly id: string }>
}

/**
 * Takes what lies in a drop directory, oldest first. What is refused for now stays for next time; what is refused for good,
 * or is no such file, is set aside as `.refused`, for there is nobody to tell but whoever reads the log. Never rejects.
 */
export const collectDrops = async ({ directory, log, submit }: CollectOptions): Promise<number> => {
  let taken = 0
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') log.event('error', 'drop-directory-unreadable', { directory, error: error.message })
    return []
  })
  for (const name of names.filter((one) => one.endsWith('.mail')).sort()) {
    const path = join(directory, name)
    try {
      const { id, user } = await takeFile(path, submit)
      await unlink(path)
      log.event('info', 'drop-collected', { id, file: name, user })
      taken++
    } catch (error) {
      const { message } = error as Error
      if (error instanceof Refusal && error.reply.code < 500) {
        log.event('warn', 'drop-waits', { file: name, why: message })
      } else if (error instanceof Refusal || error instanceof NoDrop) {
        await rename(path, `${path}.refused`).catch(() => {})
        log.event('error', 'drop-refused', { file: `${name}.refused`, why: message })
      } else {
        log.event('error', 'drop-not-collected', { file: name, error: message })
      }
    }
  }
  return taken
}

class NoDrop extends Error {}

/** The file's owner is who dropped it: the one thing here that the one who wrote the file cannot choose. */
const takeFile = async (path: string, submit: CollectOptions['submit']): Promise<{ id: string; user: string }> => {
  // A link or a pipe could be left here by anyone who may write to the folder.
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    (error: NodeJS.ErrnoException) => {
      throw error.code === 'ELOOP' ? new NoDrop('is a link') : error
    },
  )
  try {
    const found = await file.stat()
    if (!found.isFile() || found.nlink !== 1) throw new NoDrop('is no file with one name')
    const { line, rest } = await firstLine(file)
    const request = requestOf(line)
    const user = `uid ${found.uid}`
    const { id } = await submit(
      { sender: request.sender, params: request.params, recipients: request.recipients, user },
      contentFrom(file, rest),
    )
    return { id, user }
  } finally {
    await file.close()
  }
}

const requestOf = (line: string): Extract<Request, { do: 'submit' }> => {
  try {
    const request = readRequest(line)
    if (request.do === 'submit') return request
  } catch (error) {
    throw new NoDrop((error as Error).message)
  }
  throw new NoDrop('its first line is no envelope')
}

const CHUNK = 64 * 1024

const firstLine = async (file: FileHandle): Promise<{ line: string; rest: number }> => {
  const parts: Buffer[] = []
  for (let at = 0; at <= MOST_LINE; at += CHUNK) {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(CHUNK), 0, CHUNK, at)
    const chunk = buffer.subarray(0, bytesRead)
    const end = chunk.indexOf(0x0a)
    parts.push(end < 0 ? chunk : chunk.subarray(0, end))
    if (end >= 0) return { line: Buffer.concat(parts).toString('latin1'), rest: at + end + 1 }
    if (bytesRead < CHUNK) break
  }
  throw new NoDrop('has no first line')
}

async function* contentFrom(file: FileHandle, from: number): AsyncIterable<Uint8Array> {
  for (let at = from; ; ) {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(CHUNK), 0, CHUNK, at)
    if (bytesRead === 0) return
    yield buffer.subarray(0, bytesRead)
    at += bytesRead
  }
}
