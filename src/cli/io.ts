import type { Readable, Writable } from 'node:stream'

/** What a command has of the process that runs it. */
export interface Io {
  readonly stdin: Readable
  readonly stdout: Writable
  readonly stderr: Writable
  readonly env: NodeJS.ProcessEnv
}

/** A line on standard output; resolves once more may be written, so a long list into a slow pipe takes no memory. */
export const print = async (io: Io, text: string | Uint8Array): Promise<void> => {
  if (io.stdout.write(text) || io.stdout.destroyed) return
  await new Promise<void>((resolve) => {
    const done = () => {
      io.stdout.off('drain', done).off('close', done)
      resolve()
    }
    io.stdout.on('drain', done).on('close', done)
  })
}

export const complain = (io: Io, text: string): void => void io.stderr.write(`${text}\n`)

/** Text from elsewhere, on one line and without what a terminal would obey. */
export const printable = (text: string): string =>
  text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)

/** Characters of a line of the terminal that standard output is, or that COLUMNS says. Undefined: it is none. */
export const widthOf = ({ stdout, env }: Io): number | undefined => {
  const { columns } = stdout as Writable & { readonly columns?: number }
  if (columns !== undefined && columns > 0) return columns
  return /^[1-9]\d{0,4}$/.test(env['COLUMNS'] ?? '') ? Number(env['COLUMNS']) : undefined
}
