import assert from 'node:assert/strict'
import { type Log, silentLog } from '../../src/observe/log.ts'
import { GreetedHop } from '../../src/smtp/client-hop.ts'
import type { ClientFacet, Extension, Hop } from '../../src/smtp/extension.ts'
import { createRegistry } from '../../src/smtp/registry.ts'
import type { Convert, RelayMail, Scope, Sign } from '../../src/smtp/relay-mail.ts'
import { planRelay, type RelayPlans } from '../../src/smtp/relay-plan.ts'

const NOBODY = { peer: { address: '192.0.2.1', port: 25 }, local: { address: '', port: 0 }, secured: undefined }

/** A hop as it is after EHLO, with what extensions set. */
export const hopWith = (offers: readonly string[], set: (hop: Hop) => unknown = () => {}): Hop => {
  const hop = new GreetedHop({ name: 'hop.test', channel: NOBODY }, new Map(offers.map((one) => [one, []])), 'none')
  set(hop)
  return hop
}

export const toy = (keyword: string, client: ClientFacet, more: Partial<Extension> = {}): Extension => ({
  keyword,
  rfc: [],
  client,
  ...more,
})

export const plan = (
  mail: RelayMail,
  hop: Hop,
  extensions: readonly Extension[],
  more: { readonly convert?: Convert; readonly sign?: Sign; readonly log?: Log; readonly scope?: Scope } = {},
): Promise<RelayPlans> =>
  planRelay(mail, {
    hop,
    registry: createRegistry(extensions),
    log: silentLog,
    scope: new AsyncDisposableStack(),
    ...more,
  })

/** The content, one character per octet. */
export const read = async (mail: { content(): AsyncIterable<Uint8Array> }): Promise<string> => {
  let text = ''
  for await (const chunk of mail.content()) text += Buffer.from(chunk).toString('latin1')
  return text
}

/** The only plan there is. */
export const only = ({ plans, unsent }: RelayPlans) => {
  assert.deepEqual([plans.length, unsent.length], [1, 0])
  return plans[0] as (typeof plans)[number]
}

/** Who is not sent, as `KEY CODE STATUS NEXT`. */
export const refused = ({ unsent }: RelayPlans) =>
  unsent.map((one) => `${one.recipient.key} ${one.reply.code} ${one.reply.status} ${one.next}`)
