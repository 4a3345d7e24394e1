import type { ClientFacet } from '../../smtp/extension.ts'

/** How we prove to hops who we are. */
export type AuthClient = Readonly<Record<string, unknown>>

export const clientFacet = (_client: AuthClient): ClientFacet => ({})
