import { Unconvertible } from './rules.ts'

export interface FoldingRules {
  /** Lines of more octets than this are folded, others stay as they are. */
  readonly above: number
  /** Octets of a line that there should be at most. */
  readonly width: number
  /** Octets of a line that there may be at most; may be Infinity. */
  readonly limit: number
}

/**
 * Folds header lines, in pieces as they come: too long ones are cut before white space (RFC 5322 2.2.3). Holds back one
 * line at most. One character per octet.
 */
export class Folder {
  readonly #rules: FoldingRules
  /** Begins where an output line begins. */
  #held = ''
  /** What is held is the rest of a line that was too long. */
  #cut = false

  constructor(rules: FoldingRules) {
    this.#rules = rules
  }

  /** Throws Unconvertible for a line that cannot be folded. */
  write(text: string): string {
    this.#held += text
    if (this.#rules.above === Number.POSITIVE_INFINITY) return this.#passed()
    const out: string[] = []
    for (let end = this.#held.indexOf('\r\n'); end >= 0; end = this.#held.indexOf('\r\n')) this.#line(end, 2, out)
    // A line is not known to be too long before more has come than the CR of its end.
    while (this.#held.length > this.#rules.limit + 1) this.#cutOnce(this.#held.length, out)
    return out.join('')
  }

  end(): string {
    const out: string[] = []
    this.#line(this.#held.length, 0, out)
    return out.join('')
  }

  /** All but a CR that may be half of a line's end. */
  #passed(): string {
    const text = this.#held
    this.#held = text.endsWith('\r') ? '\r' : ''
    return text.slice(0, text.length - this.#held.length)
  }

  #line(length: number, endOfLine: number, out: string[]): void {
    let left = length
    while (left > (this.#cut ? this.#rules.width : this.#rules.above)) {
      const at = this.#cutOnce(left, out)
      if (at === undefined) break
      left -= at
    }
    out.push(this.#held.slice(0, left + endOfLine))
    this.#held = this.#held.slice(left + endOfLine)
    this.#cut = false
  }

  /** Undefined where there is no place to cut and no need. */
  #cutOnce(length: number, out: string[]): number | undefined {
    const { limit } = this.#rules
    const line = this.#held.slice(0, Math.min(length, limit + 1))
    const at = placeToCut(line, this.#rules)
    if (at === undefined) {
      if (line.length <= limit) return undefined
      throw new Unconvertible('5.6.3', 'A header line is too long and has no white space to fold it at')
    }
    out.push(line.slice(0, at), '\r\n')
    this.#held = this.#held.slice(at)
    this.#cut = true
    return at
  }
}

/** Before white space with something on both sides; directly behind the field's name only if there is no better place. */
const placeToCut = (line: string, { above, width }: FoldingRules): number | undefined => {
  const nameEnd = isBlank(line, 0) ? 0 : (/^[!-9;-~]+[ \t]*:/.exec(line)?.[0].length ?? 0)
  let name: number | undefined
  let within: number | undefined
  let gap = 0
  for (let at = 1; at < line.length; at++) {
    if (isBlank(line, at)) continue
    if (isBlank(line, at - 1) && gap > 0) {
      if (gap === nameEnd) name = gap
      else if (gap <= width) within = gap
      else return within ?? (above <= width ? (name ?? gap) : gap)
    }
    gap = at + 1
    if (gap > width && within !== undefined) return within
  }
  return within ?? name
}

const isBlank = (line: string, at: number): boolean => {
  const code = line.charCodeAt(at)
  return code === 32 || code === 9
}

/** All of a field at once. Throws Unconvertible. */
export const folded = (field: string, rules: FoldingRules): string => {
  const folder = new Folder(rules)
  return folder.write(field) + folder.end()
}
