/**
 * SMTP's framings read one octet at a time, line by line, over the whole input: slow, and as close to the words of
 * RFC 5321 2.3.8, 4.1.1.4 and 4.5.2 as it gets. What the fast readers have to agree with.
 */
export class ReferenceReader {
  readonly #input: Buffer
  #at = 0

  constructor(input: Buffer) {
    this.#input = input
  }

  /** Octets that were not read. */
  get left(): number {
    return this.#input.length - this.#at
  }

  /** Undefined when the input ends within the line, and that is not too long by more than `beyond` already. */
  line(limit: number, beyond: number): string | 'too long' | 'endless' | undefined {
    const { octets, complete } = this.#throughCrlf()
    const length = octets.length - (complete ? 2 : octets.at(-1) === 13 ? 1 : 0)
    if (length > limit + beyond) return 'endless'
    if (!complete) return undefined
    return length > limit ? 'too long' : String.fromCharCode(...octets.slice(0, -2))
  }

  counted(octets: number): { body: Buffer; done: boolean } {
    const body = this.#input.subarray(this.#at, this.#at + octets)
    this.#at += body.length
    return { body, done: body.length === octets }
  }

  dotted(): { body: Buffer; done: boolean } {
    const body: number[] = []
    for (;;) {
      const { octets, complete } = this.#throughCrlf()
      const [first, second, third] = octets
      if (first !== 46) body.push(...octets)
      else if (octets.length === 3 && second === 13 && third === 10) return { body: Buffer.from(body), done: true }
      // A dot, or a dot and CR, at the end of the input may yet become the end of the body.
      else if (octets.length > 2 || (octets.length === 2 && second !== 13)) body.push(...octets.slice(1))
      if (!complete) return { body: Buffer.from(body), done: false }
    }
  }

  #throughCrlf(): { octets: number[]; complete: boolean } {
    const octets: number[] = []
    while (this.#at < this.#input.length) {
      const octet = this.#input[this.#at++] ?? 0
      octets.push(octet)
      if (octet === 10 && octets.at(-2) === 13) return { octets, complete: true }
    }
    return { octets, complete: false }
  }
}
