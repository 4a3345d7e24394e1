/** What is used of `mailauth` 7.1.0: its SPF alone, by the path that loads nothing of HTTP and XML. */
declare module 'mailauth/lib/spf/index.js' {
  export type Rrtype = 'A' | 'AAAA' | 'MX' | 'PTR' | 'TXT'

  export interface Exchange {
    readonly exchange: string
    readonly priority: number
  }

  export interface SpfOptions {
    readonly sender: string
    readonly ip: string
    readonly helo: string
    readonly mta: string
    readonly strict: true
    /** Rejects with Node's codes of `dns`: `ENOTFOUND`, `ENODATA`, `EBADNAME`, `ETIMEOUT`. */
    readonly resolver: (name: string, type: Rrtype) => Promise<readonly (string | readonly string[] | Exchange)[]>
  }

  export function spf(options: SpfOptions): Promise<{ readonly status: { readonly result: string } }>
}
