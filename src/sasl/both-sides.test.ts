import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ClientMechanism } from './client-mechanism.ts'
import { clientMechanisms } from './client-mechanisms.ts'
import { Credentials } from './credentials.ts'
import { NotProved, type ServerMechanism } from './mechanism.ts'
import { parsePasswords } from './password-file.ts'
import { saslPrep } from './saslprep.ts'
import { scramVerifier } from './scram.ts'
import { serverMechanisms } from './server-mechanisms.ts'
import { Turns } from './turns.ts'
import { writeVerifier } from './verifier.ts'

const SALT = Buffer.from('salt salt')

/** Who the server says that the client is; undefined: nobody that it knows. */
const meet = async (client: ClientMechanism, server: ServerMechanism, user: string, password: string) => {
  const exchange = client.begin({ user, password })
  const running = server.verify(server.first === 'server' ? undefined : exchange.initial, '192.0.2.1')
  try {
    let step = await running.next()
    while (!step.done) step = await running.next(await exchange.respond(step.value))
    assert.ok(exchange.over, 'the client has heard all it wants to hear')
    return step.value
  } catch (error) {
    if (error instanceof NotProved && error.why === 'credentials') return undefined
    throw error
  }
}

const pairs = clientMechanisms.flatMap((client) => {
  const make = Object.entries(serverMechanisms).find(([name]) => name === client.name)?.[1]
  return make ? [{ client, make }] : []
})

const word = (more: string) =>
  fc
    .string({ unit: fc.constantFrom(...'aZ9,=@+-. äß', ...more), minLength: 1, maxLength: 20 })
    .map((text) => saslPrep(text.trim()) ?? '')
    .filter((text) => text !== '')

test('there is a server for all that a client of ours says but CRAM-MD5', () =>
  assert.deepEqual(
    pairs.map(({ client }) => client.name),
    ['SCRAM-SHA-256', 'SCRAM-SHA-1', 'PLAIN', 'LOGIN'],
  ))

for (const { client, make } of pairs) {
  test(`${client.name}: our client and our server agree on any name and password, and on none that is wrong`, async () => {
    await fc.assert(
      fc.asyncProperty(
        word('').filter((name) => !name.includes(' ')),
        word(':#"\\$'),
        async (user, password) => {
          const hash = client.name === 'SCRAM-SHA-1' ? 'sha1' : 'sha256'
          const line = `${user}:${writeVerifier(await scramVerifier(hash, password, SALT, 4096))}\n`
          const { value } = parsePasswords(line, 'passwords')
          const server = make(
            new Credentials({ passwords: async () => value, secret: () => SALT, turns: new Turns(2, 10) }),
          )
          assert.equal(await meet(client, server, user, password), user)
          assert.equal(await meet(client, server, user, `${password}x`), undefined)
        },
      ),
      { numRuns: 25 },
    )
  })
}
