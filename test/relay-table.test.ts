import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { parse } from 'yaml'
import { z } from 'zod'
import { clientExtensions } from '../src/app/extensions.ts'
import { reply } from '../src/mail/reply.ts'
import { clientMechanisms } from '../src/sasl/client-mechanisms.ts'
import { mailCommand, rcptCommand } from '../src/smtp/client-commands.ts'
import { GreetedHop, inForce } from '../src/smtp/client-hop.ts'
import { converter } from '../src/smtp/converter.ts'
import { createRegistry } from '../src/smtp/registry.ts'
import { type Outbound, outbound } from './doubles/outbound.ts'
import { plan, read, refused } from './doubles/relay-plans.ts'

const params = z.record(z.string(), z.union([z.string(), z.literal(true)]))

const table = z.strictObject({
  texts: z.record(z.string(), z.string()),
  rows: z.array(
    z.strictObject({
      request: z.string(),
      mail: z.strictObject({
        text: z.string().optional(),
        sender: z.string().nullable().optional(),
        params: params.optional(),
        to: z
          .array(z.union([z.string(), z.tuple([z.string(), params]), z.tuple([z.string(), params, z.string()])]))
          .optional(),
      }),
      hops: z.array(
        z.strictObject({ has: z.array(z.string()), gets: z.string(), sender: z.array(z.string()).default([]) }),
      ),
    }),
  ),
})

const { texts, rows } = table.parse(parse(readFileSync('test/relay-table.yaml', 'utf8')))

const PLAIN: readonly string[] = ['MAIL FROM:<me@here.test>\nRCPT TO:<a@there.test>\n7bit: Subject: x\n']

const transactionsOf = (gets: string): readonly string[] =>
  gets === 'nothing' ? [] : gets === 'the mail alone' ? PLAIN : gets.split('--\n')

const never = () => Promise.reject(new Error('There is nothing of the kind here'))

/** All there are, as a transport has them that logs in at hosts with `OUR-LOGIN` among their offers. */
const all = clientExtensions('smtp', {}, 'off', {
  logins: {
    login: ({ offers }) =>
      offers.has('OUR-LOGIN') ? { user: 'us', password: 'x', mechanisms: clientMechanisms } : undefined,
    note() {},
  },
  clientTls: { asServer: never, asClient: never },
  transactionNames: { domain: 'here.test', secret: () => new Uint8Array(32) },
  adapt: never,
})

/** The hop as it is when all have had their say about its offers; with `TLS` among them, under TLS and who it should be. */
const greeted = async (offers: readonly string[]): Promise<GreetedHop> => {
  const channel = {
    peer: { address: '192.0.2.1', port: 25 },
    local: { address: '', port: 0 },
    secured: offers.includes('TLS') ? ({ protocol: 'TLSv1.3', cipher: 'TOY', verified: true } as const) : undefined,
  }
  const words = offers.map((one) => one.split(' '))
  const said = new Map(words.map(([word = '', ...args]) => [word, args] as const))
  const hop = new GreetedHop({ name: 'hop.test', channel }, said, 'none')
  const used = inForce(createRegistry(all), hop.offers)
  const talk = { hop, command: async () => reply(235, '2.7.0', 'In'), replaceChannel: never }
  for (const extension of all) {
    if (used.has(extension)) await extension.client?.offered?.(talk, said.get(extension.keyword) ?? [])
    else extension.client?.notOffered?.(talk)
  }
  return hop
}

describe('what a hop gets that lacks an extension, and what the sender gets', () => {
  for (const { request, mail, hops } of rows) {
    for (const { has, gets, sender } of hops) {
      test(`${request}: ${has.join(', ') || 'lacking all'}`, async () => {
        const text = mail.text === undefined ? {} : { text: texts[mail.text] ?? assert.fail(`No text ${mail.text}`) }
        const made = await plan(outbound({ ...mail, ...text } as Outbound), await greeted(has), all, {
          convert: converter({ signed: 'bounce', downgrade: 'never' }),
        })
        const got = made.plans.map(async ({ mail: final, params: ofMail, recipientParams }) => {
          const rcpts = final.recipients.map(({ address, key }) => rcptCommand(address, recipientParams.get(key)))
          const [first = ''] = (await read(final)).split('\r\n')
          const lines = [mailCommand(final.envelope.sender, ofMail), ...rcpts, `${final.facts.encoding}: ${first}`]
          return `${lines.join('\n')}\n`
        })
        const told = made.plans.flatMap(({ mail: { recipients }, relayed }) =>
          recipients.flatMap(({ key }) => (relayed.has(key) ? `${key} relayed` : [])),
        )
        assert.deepEqual(await Promise.all(got), transactionsOf(gets))
        assert.deepEqual([...told, ...refused(made)], sender)
      })
    }
  }
})

test('everything that a sender may ask for is in the table', () => {
  const bags = rows.flatMap(({ mail }) => [mail.params ?? {}, ...(mail.to ?? []).map((one) => one[1])])
  const asked = new Set(bags.flatMap((bag) => Object.keys(bag)))
  const known = all.flatMap(({ params: byVerb = {} }) => [...(byVerb['MAIL'] ?? []), ...(byVerb['RCPT'] ?? [])])
  assert.deepEqual(
    known.filter(({ name, unsaid }) => !unsaid && !asked.has(name)).map(({ name }) => name),
    [],
  )
})
