import { constants } from 'node:fs'
import { type FileHandle, mkdir, open, rename, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { WireEnvelope } from './control-client.ts'

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
      await writeWhole(file, Buffer.from(`${JSON.stringify({ do: 'submit', ...envelope })}\n`))
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
