import { HostTransport, type SmtpTransportOptions, type StoreOptions } from './smtp.ts'
import type { Transport } from './transport.ts'

/**
 * To a mail store, by LMTP (RFC 2033), over TCP or to a UNIX socket: a host whose name begins with `/`. The registry must
 * hold the dialect. What the store takes is delivered, and reported as such unless the store was asked to report it.
 */
export const lmtpTransport = (options: SmtpTransportOptions & StoreOptions): Transport =>
  new HostTransport(options, options)
