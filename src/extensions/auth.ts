import { type Address, tryAddress } from '../mail/address.ts'
import { refuse } from '../mail/reply.ts'
import type { Extension, Param } from '../smtp/extension.ts'
import { xtext } from '../smtp/param.ts'
import { type AuthClient, clientFacet } from './auth/client.ts'
import { type AuthServer, serverFacet } from './auth/server.ts'

export type { AuthClient, Login, LoginEvent } from './auth/client.ts'
export type { AuthEnd, AuthServer } from './auth/server.ts'

const TEXT = xtext('AUTH', 500 - ' AUTH='.length)

/** Who submitted the mail; `null`, written `<>`: that is not known, or not known well enough (RFC 4954 section 5). */
const AUTH: Param<Address | null> = {
  ...TEXT,
  read(text) {
    const plain = TEXT.read(text)
    if (plain === '<>') return null
    return mailbox(plain) ?? refuse(501, '5.5.4', 'Malformed AUTH parameter')
  },
}

const mailbox = (text: string): Address | undefined => {
  const found = tryAddress(text, false)
  return found?.domain === '' ? undefined : found
}

/** AUTH, RFC 4954: a client proves who it is, and tells who submitted the mail. */
export const auth = (server?: AuthServer, client?: AuthClient): Extension => ({
  keyword: 'AUTH',
  rfc: [4954],
  params: { MAIL: [AUTH] },
  ...(server ? { server: serverFacet(server, AUTH) } : {}),
  ...(client ? { client: clientFacet(client, AUTH) } : {}),
})
