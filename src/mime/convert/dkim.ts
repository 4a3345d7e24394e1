import { MOST_NAME, owned } from '../octets.ts'

/** What a DKIM-Signature says it covers (RFC 6376 3.5). */
interface Signature {
  /** The `d=` tag. */
  readonly domain: string
  /** Lower case. */
  readonly fields: ReadonlySet<string>
  /** Folding a signed field anew does no harm. */
  readonly relaxed: boolean
}

/** Signatures of one message that are looked at, names of fields, octets of a domain; more are met nowhere. */
const MOST = 50
const MOST_NAMES = 1000
const MOST_DOMAIN = 255

/** Finds out which signatures of a message a conversion breaks. Any change of the body breaks all of them. */
export class Signatures {
  readonly #all: Signature[] = []
  readonly #folded = new Set<string>()
  readonly #encoded = new Set<string>()
  #body = false

  /** Every field of the message's own header, its value as it stood. */
  field(name: string, value: string, changed: false | 'folded' | 'encoded'): void {
    const kind = name.length >= MOST_NAME ? '' : name.toLowerCase()
    if (kind === 'dkim-signature' && this.#all.length < MOST) this.#all.push(readSignature(value))
    const changes = changed === 'folded' ? this.#folded : this.#encoded
    if (changed && kind !== '' && changes.size < MOST_NAMES) changes.add(kind)
  }

  bodyChanges(): void {
    this.#body = true
  }

  /** Domains, each once. */
  broken(): readonly string[] {
    const broken = this.#all.filter(
      ({ fields, relaxed }) =>
        this.#body || !fields.isDisjointFrom(this.#encoded) || (!relaxed && !fields.isDisjointFrom(this.#folded)),
    )
    return [...new Set(broken.map(({ domain }) => domain))]
  }
}

const readSignature = (value: string): Signature => {
  const tags = new Map<string, string>()
  for (const tag of value.replace(/[ \t\r\n]/g, '').split(';')) {
    const equals = tag.indexOf('=')
    if (equals > 0 && !tags.has(tag.slice(0, equals))) tags.set(tag.slice(0, equals), tag.slice(equals + 1))
  }
  const covered = (tags.get('h') ?? '').toLowerCase().split(':', MOST_NAMES)
  return {
    domain: owned((tags.get('d') ?? '').slice(0, MOST_DOMAIN).toLowerCase()),
    fields: new Set([...covered.filter((name) => name.length < MOST_NAME).map(owned), 'dkim-signature']),
    relaxed: /^relaxed(?:\/|$)/i.test(tags.get('c') ?? ''),
  }
}
