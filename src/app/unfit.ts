import type { Issue, Path } from '../config/check.ts'
import { Misconfigured } from '../mail/misconfigured.ts'

/** What settings ask and cannot be had: a file that is not there, a key that fits no certificate. Each by the setting that asks it. */
export class Unfit extends Misconfigured {
  readonly issues: readonly Issue[]

  constructor(issues: readonly Issue[]) {
    super(issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('\n'))
    this.issues = issues
  }
}

/** Gathers what is wrong with all parts, so that it is told at once. */
export class Faults {
  readonly #issues: Issue[] = []

  /** What was told already is told once. */
  add(path: Path, message: string): void {
    const key = path.join('\0')
    if (this.#issues.some((one) => one.path.join('\0') === key && one.message === message)) return
    this.#issues.push({ path, message })
  }

  /** What was made; undefined when it is misconfigured, each line of its message then being a fault of this setting. */
  async of<T>(path: Path, make: () => T | Promise<T>): Promise<T | undefined> {
    try {
      return await make()
    } catch (error) {
      this.#note(path, error)
      return undefined
    }
  }

  /** The same for what is made at once. */
  at<T>(path: Path, make: () => T): T | undefined {
    try {
      return make()
    } catch (error) {
      this.#note(path, error)
      return undefined
    }
  }

  #note(path: Path, error: unknown): void {
    if (!(error instanceof Misconfigured)) throw error
    if (error instanceof Unfit) {
      for (const { path: at, message } of error.issues) this.add(at, message)
      return
    }
    // A part may say its name, which the path says already.
    const name = `${path[1]}: `
    for (const line of error.message.split('\n')) this.add(path, line.startsWith(name) ? line.slice(name.length) : line)
  }

  /** Throws `Unfit` if there are any. */
  demandNone(): void {
    if (this.#issues.length > 0) throw new Unfit(this.#issues)
  }
}

/** What settings ask and the machine does not give just now. `code`: Node's word for why, or `taken` by another instance. */
export class Unavailable extends Error {
  override readonly name = 'Unavailable'
  readonly issue: Issue
  readonly code: string | undefined

  constructor(path: Path, what: string, error: unknown) {
    const { code, message } = error as NodeJS.ErrnoException
    const why = WORDS[code ?? '']
    const text = `${what}: ${why === undefined ? message : `${why} (${code})`}`
    super(text, { cause: error })
    this.issue = { path, message: text }
    this.code = code
  }
}

const WORDS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there',
  EADDRNOTAVAIL: 'this machine has no such address',
  EACCES: 'permission denied',
  ENOTFOUND: 'there is no such name',
  ENOENT: 'the folder does not exist',
}
