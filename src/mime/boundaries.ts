import { MAX_BOUNDARY } from './part-head.ts'

/** A line that might be a delimiter, as far as can be told. */
export type Found<Owner> = Delimiter<Owner> | { readonly is: 'text' } | { readonly is: 'undecided' }

export interface Delimiter<Owner> {
  readonly is: 'delimiter'
  readonly owner: Owner
  readonly closing: boolean
  /** Behind its CRLF. */
  readonly end: number
}

/** Octets of a delimiter line, its CRLF not counted: as long a boundary as is taken, `--` twice, and much padding. */
const MAX_LINE = MAX_BOUNDARY + 3100

const LF = 10
const CR = 13
const DASH = 45
const TEXT = { is: 'text' } as const
const UNDECIDED = { is: 'undecided' } as const

/**
 * The boundaries that are looked for, and who opened them. A delimiter line is `--`, the boundary exactly, `--` behind it
 * if it closes, spaces and tabs, and CRLF or the end of the message. `--boundaryX` is none of `boundary`, by the grammar
 * of RFC 2046 5.1.1 (its note to implementors would let the beginning do, and breaks boundaries that begin alike).
 * Where a line delimits two multiparts, the inner one has it; where it may open or close, it opens.
 */
export class Boundaries<Owner> {
  readonly #owners = new Map<string, Owner[]>()
  /** How many of them begin with each octet: few lines that begin with dashes have to be looked at any further. */
  readonly #firsts = new Map<number, number>()

  get none(): boolean {
    return this.#owners.size === 0
  }

  open(boundary: string, owner: Owner): void {
    const owners = this.#owners.get(boundary)
    this.#count(boundary, 1)
    if (owners) owners.push(owner)
    else this.#owners.set(boundary, [owner])
  }

  /** The last one that was opened with this boundary. */
  close(boundary: string): void {
    const owners = this.#owners.get(boundary)
    if (owners?.pop() !== undefined) this.#count(boundary, -1)
    if (owners?.length === 0) this.#owners.delete(boundary)
  }

  /** What the line is that begins at `start`. `last`: nothing comes after these octets. */
  judge(octets: Buffer, start: number, last: boolean): Found<Owner> {
    const first = octets[start]
    if (first === undefined) return last ? TEXT : UNDECIDED
    if (first !== DASH || this.none) return TEXT
    const second = octets[start + 1]
    if (second === undefined) return last ? TEXT : UNDECIDED
    if (second !== DASH) return TEXT
    const third = octets[start + 2]
    if (third === undefined) return last ? TEXT : UNDECIDED
    if (!this.#firsts.get(third)) return TEXT
    const most = Math.min(octets.length, start + MAX_LINE + 2)
    let end = start + 2
    while (end < most && !(octets[end] === CR && octets[end + 1] === LF)) end++
    if (end - start > MAX_LINE) return TEXT
    const ended = end < most
    if (!ended && !last) return UNDECIDED
    return this.#lookUp(octets.toString('latin1', start + 2, unpadded(octets, start, end)), ended ? end + 2 : end)
  }

  #count(boundary: string, more: number): void {
    const first = boundary.charCodeAt(0)
    this.#firsts.set(first, (this.#firsts.get(first) ?? 0) + more)
  }

  #lookUp(text: string, end: number): Found<Owner> {
    const opened = this.#owners.get(text)?.at(-1)
    if (opened !== undefined) return { is: 'delimiter', owner: opened, closing: false, end }
    if (!text.endsWith('--')) return TEXT
    const closed = this.#owners.get(text.slice(0, -2))?.at(-1)
    return closed === undefined ? TEXT : { is: 'delimiter', owner: closed, closing: true, end }
  }
}

const unpadded = (octets: Buffer, start: number, end: number): number => {
  let at = end
  while (at > start + 2 && (octets[at - 1] === 32 || octets[at - 1] === 9)) at--
  return at
}
