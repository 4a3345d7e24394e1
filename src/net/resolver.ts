/** Answers from the DNS. Names are A-labels without a trailing dot, compared without case. */
export interface Resolver {
  /** By preference, those of equal preference shuffled. `[]`: no MX. A null MX (RFC 7505) is one with the name `''`. */
  mx(domain: string): Promise<readonly { readonly preference: number; readonly name: string }[]>
  /** IPv4 and IPv6 addresses, `/etc/hosts` first. `[]`: the name exists without an address. */
  addresses(name: string): Promise<readonly string[]>
}

/** Where a service of a domain is to be had (RFC 2782). */
export interface ServiceResolver {
  /**
   * The SRV records of `_service._protocol.name`, in the order to try them. `[]`: none. One with the name `""` alone: there
   * is no such service. Throws `DnsError`.
   */
  services(name: string): Promise<readonly { readonly name: string; readonly port: number }[]>
}

/** What the DNS itself says, of names that need not be hosts: no file of this machine is asked. */
export interface RecordResolver {
  /** `[]`: none of that type. A TXT record's strings are one, its octets as Latin-1. Throws `DnsError`. */
  records(
    name: string,
    type: SpfRecordType,
  ): Promise<readonly { readonly preference: number; readonly value: string }[]>
}

/** The types that RFC 7208 asks for. */
export type SpfRecordType = 'A' | 'AAAA' | 'MX' | 'PTR' | 'TXT'

/** `notFound`: the name does not exist. `failed`: no answer now (timeout, SERVFAIL, refused); try later. */
export class DnsError extends Error {
  override readonly name = 'DnsError'
  readonly kind: 'notFound' | 'failed'

  constructor(kind: 'notFound' | 'failed', message: string) {
    super(message)
    this.kind = kind
  }
}
