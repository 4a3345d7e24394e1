import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { BadChallenge, type ClientExchange, type ClientMechanism } from './client-mechanism.ts'
import { clientMechanisms } from './client-mechanisms.ts'
import { scramClient } from './scram-client.ts'

const tim = { user: 'tim', password: 'tanstaaftanstaaf' }
const named = (name: string): ClientMechanism => {
  const found = clientMechanisms.find((one) => one.name === name)
  assert.ok(found, name)
  return found
}
const octets = (text: string) => Buffer.from(text)
const answers = async (exchange: ClientExchange, ...challenges: readonly string[]): Promise<string[]> => {
  const said: string[] = []
  for (const one of challenges) said.push(Buffer.from(await exchange.respond(octets(one))).toString())
  return said
}

test('the strongest stands first', () =>
  assert.deepEqual(
    clientMechanisms.map(({ name, mutual }) => `${name}${mutual ? ' proves both' : ''}`),
    ['SCRAM-SHA-256 proves both', 'SCRAM-SHA-1 proves both', 'CRAM-MD5', 'PLAIN', 'LOGIN'],
  ))

test('PLAIN says all at once (RFC 4616 section 4), and answers nothing', async () => {
  const exchange = named('PLAIN').begin(tim)
  assert.equal(Buffer.from(exchange.initial ?? []).toString(), '\0tim\0tanstaaftanstaaf')
  assert.ok(exchange.over)
  await assert.rejects(exchange.respond(octets('')), BadChallenge)
})

test('LOGIN says the name, then the password, whatever it is asked', async () => {
  const exchange = named('LOGIN').begin(tim)
  assert.equal(exchange.initial, undefined)
  assert.deepEqual(await answers(exchange, 'Username:', 'Pass?'), ['tim', 'tanstaaftanstaaf'])
  assert.ok(exchange.over)
  await assert.rejects(exchange.respond(octets('')), BadChallenge)
})

test('CRAM-MD5 answers as RFC 2195 section 2 does', async () => {
  const exchange = named('CRAM-MD5').begin(tim)
  assert.ok(!exchange.over)
  assert.deepEqual(await answers(exchange, '<1896.697170952@postoffice.reston.mci.net>'), [
    'tim b913a602c7eda7a495b4e6e7334d3890',
  ])
  assert.ok(exchange.over)
})

suite('SCRAM', () => {
  const rfc = () => scramClient('SCRAM-SHA-256', 'sha256', () => 'rOprNGfwEbeRWgbNEkqO')
  const serverFirst = 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096'
  const begun = () => rfc().begin({ user: 'user', password: 'pencil' })

  test('says what RFC 7677 section 3 says', async () => {
    const exchange = begun()
    assert.equal(Buffer.from(exchange.initial ?? []).toString(), 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO')
    const said = await answers(exchange, serverFirst)
    assert.deepEqual(said, [
      'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
    ])
    assert.ok(!exchange.over, 'not before the server has proved itself')
    assert.deepEqual(await answers(exchange, 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4='), [''])
    assert.ok(exchange.over)
  })

  test('a server that signs wrongly does not know the password', async () => {
    const exchange = begun()
    await exchange.respond(octets(serverFirst))
    await assert.rejects(
      exchange.respond(octets('v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=')),
      (error) => error instanceof BadChallenge && error.unproved,
    )
    assert.ok(!exchange.over)
  })

  test('a server that says what is wrong, or nonsense, is told from one that lies', async () => {
    const exchange = begun()
    await assert.rejects(
      exchange.respond(octets('nonsense')),
      (error) => error instanceof BadChallenge && !error.unproved,
    )
    await exchange.respond(octets(serverFirst))
    await assert.rejects(exchange.respond(octets('e=other-error')), /other-error/)
  })

  test('each exchange has a nonce of its own', () => {
    const first = () => Buffer.from(named('SCRAM-SHA-1').begin(tim).initial ?? []).toString()
    assert.notEqual(first(), first())
    assert.match(first(), /^n,,n=tim,r=[!-+\--~]{32}$/)
  })
})

test('whatever a server says, a client answers or throws BadChallenge', async () => {
  const challenge = fc.oneof(fc.uint8Array({ maxLength: 60 }), fc.string().map(octets))
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...clientMechanisms), fc.array(challenge, { maxLength: 4 }), async (one, said) => {
      const exchange = one.begin(tim)
      for (const each of said) {
        try {
          await exchange.respond(each)
        } catch (error) {
          assert.ok(error instanceof BadChallenge, String(error))
          return
        }
      }
    }),
  )
})
