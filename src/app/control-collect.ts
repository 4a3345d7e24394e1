import { constants } from 'node:fs'
import { type FileHandle, lstat, open, readdir, rename, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { Refusal } from '../mail/reply.ts'
import type { Level, Log } from '../observe/log.ts'
import { MOST_LINE, type Request, readRequest } from './control-protocol.ts'
import type { Submission } from './mta.ts'

export interface CollectOptions {
  readonly directory: string
  readonly log: Log
  submit(mail: Submission, body: AsyncIterable<Uint8Array>): Promise<{ readonly id: string }>
}

/** Takes what lies in a drop directory; one is made for the life of an instance, for it remembers what it has told. */
export interface DropCollector {
  /**
   * Takes what is there now, oldest first; how many were taken. What is refused for now stays for next time; what is
   * refused for good, or is no such file, is set aside as `.refused`, for there is nobody to tell but whoever reads the
   * log. What can be neither taken away nor set aside is left alone until it changes. Never rejects.
   */
  collect(): Promise<number>
}

export const dropCollector = (options: CollectOptions): DropCollector => new Collector(options)

/** What was told of a file, and of which state of it. `stuck`: it is not to be tried again in that state. */
interface Told {
  readonly state: string
  readonly what: string
  readonly stuck: boolean
}

class Collector implements DropCollector {
  readonly #options: CollectOptions
  readonly #told: Map<string, Told> = new Map()
  #unreadable: string | undefined

  constructor(options: CollectOptions) {
    this.#options = options
  }

  async collect(): Promise<number> {
    const names = (await this.#names()).filter((one) => one.endsWith('.mail')).sort()
    const there = new Set(names)
    for (const name of this.#told.keys()) if (!there.has(name)) this.#told.delete(name)
    let taken = 0
    for (const name of names) {
      const state = await stateOf(join(this.#options.directory, name))
      const told = this.#told.get(name)
      if (told?.stuck && told.state === state) continue
      if (await this.#take(name, state)) taken++
    }
    return taken
  }

  async #names(): Promise<readonly string[]> {
    const { directory, log } = this.#options
    try {
      const names = await readdir(directory)
      this.#unreadable = undefined
      return names
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (code !== 'ENOENT' && message !== this.#unreadable) {
        this.#unreadable = message
        log.event('error', 'drop-directory-unreadable', { directory, error: message })
      }
      return []
    }
  }

  async #take(name: string, state: string): Promise<boolean> {
    const { directory, log, submit } = this.#options
    const path = join(directory, name)
    try {
      const { id, user } = await takeFile(path, submit)
      await unlink(path).catch((error: Error) => {
        // Submitted again, it would be delivered once more each time.
        this.#tell(name, state, 'error', 'drop-not-removed', error.message, true)
      })
      log.event('info', 'drop-collected', { id, file: name, user })
      return true
    } catch (error) {
      const { message } = error as Error
      if (error instanceof Refusal && error.reply.code < 500) {
        this.#tell(name, state, 'warn', 'drop-waits', message)
      } else if (error instanceof Refusal || error instanceof NoDrop) {
        await this.#setAside(name, state, message)
      } else {
        this.#tell(name, state, 'error', 'drop-not-collected', message)
      }
      return false
    }
  }

  async #setAside(name: string, state: string, why: string): Promise<void> {
    const { directory, log } = this.#options
    try {
      const file = await freeName(directory, `${name}.refused`)
      await rename(join(directory, name), join(directory, file))
      log.event('error', 'drop-refused', { file, why })
    } catch (error) {
      this.#tell(
        name,
        state,
        'error',
        'drop-stuck',
        `${why}; it cannot be set aside: ${(error as Error).message}`,
        true,
      )
    }
  }

  /** Once for each state of a file, for it is looked at every few seconds. */
  #tell(name: string, state: string, level: Level, event: string, why: string, stuck = false): void {
    const told = this.#told.get(name)
    const what = `${event} ${why}`
    if (told?.state === state && told.what === what) return
    this.#told.set(name, { state, what, stuck })
    this.#options.log.event(level, event, { file: name, why })
  }
}

/** What changes when somebody does anything to a file, or puts another one in its place. */
const stateOf = async (path: string): Promise<string> => {
  const found = await lstat(path, { bigint: true }).catch(() => undefined)
  return found === undefined ? '' : `${found.ino} ${found.size} ${found.mtimeNs} ${found.ctimeNs}`
}

/** Whoever may write to the folder may have put something in the way, and what was set aside before is not to be lost. */
const freeName = async (directory: string, name: string): Promise<string> => {
  const taken = await lstat(join(directory, name)).catch(() => undefined)
  return taken === undefined ? name : `${name}-${crypto.randomUUID().slice(0, 8)}`
}

class NoDrop extends Error {}

/** The file's owner is who dropped it: the one thing here that the one who wrote the file cannot choose. */
const takeFile = async (path: string, submit: CollectOptions['submit']): Promise<{ id: string; user: string }> => {
  // Anything could be left here by anyone who may write to the folder, and some things do harm when they are opened.
  if (!(await lstat(path)).isFile()) throw new NoDrop('is no regular file')
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const found = await file.stat()
    if (!found.isFile() || found.nlink !== 1) throw new NoDrop('is no regular file with one name')
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
