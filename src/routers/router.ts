import type { Address } from '../mail/address.ts'
import type { Reply } from '../mail/reply.ts'
import type { HostProof } from '../smtp/extension.ts'

/** For all domains that are not ours. A complete match decides; else whoever matched most of the domain's right-hand end. */
export interface Router {
  readonly name: string
  /** Looks nothing up in the DNS. Throws `Misconfigured` when it cannot be asked as it is set up. */
  route(address: Address): Promise<Routing | undefined>
}

export interface Routing {
  /** Octets of the domain's right-hand end that matched; `complete` for all of it. 0: takes anything. */
  readonly matched: 'complete' | number
  readonly way: Route | { readonly to: 'nobody'; readonly reply: Reply }
}

/** Recipients with equal `transport` and `destination` may share one delivery. */
export interface Route {
  readonly to: 'host'
  readonly transport: string
  readonly destination: string
  /** The hosts to try, in order, asked when a delivery is at hand. Throws a Refusal (4yz or 5yz) when there are none. */
  hosts(): Promise<readonly Host[]>
}

export interface Host {
  /** As certificates name it. An address literal stands without its brackets; a path starts with `/`. */
  readonly name: string
  readonly port: number
  /** Known already; absent: look `name` up. */
  readonly addresses?: readonly string[]
  /** What vouches for the MX record that led here. Absent: no record did, the host itself was named. */
  readonly mx?: Exclude<HostProof, 'named'>
}
