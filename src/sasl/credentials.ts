import { createHmac, timingSafeEqual } from 'node:crypto'
import { NotProved } from './mechanism.ts'
import { nameKey, type PasswordTable, usualIterations } from './password-file.ts'
import { saslPrep } from './saslprep.ts'
import { LEAST_ITERATIONS, type ScramHash, type ScramVerifier, scramVerifier } from './scram.ts'
import type { Turns } from './turns.ts'
import { SALT_OCTETS } from './verifier.ts'

/** What a client has to match, whether or not its name is known: one that is unknown has what nobody can match. */
export interface Expected {
  readonly name: string
  readonly known: boolean
  readonly verifier: ScramVerifier
}

export interface CredentialsOptions {
  /** What the file says now. Rejects when that cannot be told. */
  readonly passwords: () => Promise<PasswordTable>
  /** Octets that nobody else knows: what is made up for unknown names is made of them, so that it does not change. */
  readonly secret: () => Uint8Array
  /** What takes long is done so many at once. */
  readonly turns: Turns
}

/** The names and passwords that clients are checked by. All of it throws `NotProved`, and only that. */
export class Credentials {
  readonly #options: CredentialsOptions
  #usual: { readonly of: PasswordTable; readonly counts: Map<ScramHash, number | undefined> } | undefined

  constructor(options: CredentialsOptions) {
    this.#options = options
  }

  /** Absent `hash`: whichever there is. */
  async find(given: string, hash?: ScramHash): Promise<Expected> {
    const name = nameKey(given)
    if (name === undefined) throw new NotProved('credentials', 'That can be no name', given.slice(0, 64))
    const table = await this.#table()
    const own = table.get(name)?.find((one) => hash === undefined || one.hash === hash)
    return own
      ? { name, known: true, verifier: own }
      : { name, known: false, verifier: this.#madeUp(name, hash ?? this.#anyHash(table), table) }
  }

  /**
   * Who a name and password prove to be, as somebody at an address says. `actAs`: whom the client wants to be taken for, if
   * it says so.
   */
  async check(given: string, password: string, from: string, actAs?: string): Promise<string> {
    const { name, known, verifier } = await this.find(given)
    const prepared = saslPrep(password)
    // What no password can be takes as long to refuse as what one is not.
    const { hash, salt, iterations } = verifier
    const made = await this.#options.turns.take(from, () => scramVerifier(hash, prepared ?? '', salt, iterations))
    if (made === undefined) throw new NotProved('busy', 'Too many passwords are being checked', name)
    const right = timingSafeEqual(made.storedKey, verifier.storedKey)
    if (!known) throw new NotProved('credentials', 'The name is unknown', name)
    if (!right || !prepared) throw new NotProved('credentials', 'The password is wrong', name)
    return this.asItself(name, actAs)
  }

  /** Nobody acts for another (RFC 4422 section 3.4.1): the identity asked for is the one that was proved. */
  asItself(name: string, actAs: string | undefined): string {
    if (actAs === undefined || actAs === '' || nameKey(actAs) === name) return name
    throw new NotProved('credentials', 'It wants to act for another', name)
  }

  async #table(): Promise<PasswordTable> {
    try {
      return await this.#options.passwords()
    } catch (error) {
      throw new NotProved('unavailable', error instanceof Error ? error.message : String(error))
    }
  }

  #madeUp(name: string, hash: ScramHash, table: PasswordTable): ScramVerifier {
    const octets = (what: string): Buffer =>
      createHmac(hash, this.#options.secret()).update(`${what}\0${hash}\0${name}`).digest()
    return {
      hash,
      iterations: this.#iterations(hash, table) ?? LEAST_ITERATIONS,
      salt: octets('salt').subarray(0, SALT_OCTETS),
      storedKey: octets('stored key'),
      serverKey: octets('server key'),
    }
  }

  #anyHash(table: PasswordTable): ScramHash {
    return this.#iterations('sha256', table) === undefined && this.#iterations('sha1', table) !== undefined
      ? 'sha1'
      : 'sha256'
  }

  #iterations(hash: ScramHash, table: PasswordTable): number | undefined {
    if (this.#usual?.of !== table) this.#usual = { of: table, counts: new Map() }
    const { counts } = this.#usual
    if (!counts.has(hash)) counts.set(hash, usualIterations(table, hash))
    return counts.get(hash)
  }
}
