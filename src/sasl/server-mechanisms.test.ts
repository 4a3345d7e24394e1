import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { clientMechanisms } from './client-mechanisms.ts'
import { Credentials } from './credentials.ts'
import { NotProved, type ServerMechanism } from './mechanism.ts'
import { nameKey, type PasswordTable, parsePasswords } from './password-file.ts'
import { saslPrep } from './saslprep.ts'
import { type ScramHash, scramVerifier } from './scram.ts'
import { scram, serverMechanisms } from './server-mechanisms.ts'
import { Turns } from './turns.ts'
import { writeVerifier } from './verifier.ts'

const verifier = async (name: string, password: string, salt = 'c2FsdCBzYWx0', hash: ScramHash = 'sha256') =>
  `${name}:${writeVerifier(await scramVerifier(hash, password, Buffer.from(salt, 'base64'), 4096))}\n`

/** `user` as in the examples of RFCs; `tim` as in RFC 4616. */
const table: PasswordTable = parsePasswords(
  (await verifier('user', 'pencil', 'W22ZaJ0SNY7soEsUEjb6gQ==')) +
    (await verifier('user', 'pencil', 'QSXCR+Q6sek8bf92', 'sha1')) +
    (await verifier('tim', 'tanstaaftanstaaf')) +
    (await verifier('IX', 'a b')),
  'passwords',
).value

const credentials = (passwords = async () => table, turns = new Turns(2, 10)): Credentials =>
  new Credentials({ passwords, secret: () => Buffer.from('secret'), turns })

const known = credentials()

/** What a client's messages lead to: the challenges, and who was proved or why nobody was. */
const exchange = async (mechanism: ServerMechanism, ...said: readonly (string | Uint8Array)[]) => {
  const messages = said.map((one) => Buffer.from(one as string))
  const running = mechanism.verify(mechanism.first === 'client' ? messages.shift() : undefined, '192.0.2.1')
  const challenges: string[] = []
  try {
    let step = await running.next()
    while (!step.done) {
      challenges.push(Buffer.from(step.value).toString())
      const answer = messages.shift() ?? assert.fail(`Nothing to say to ${challenges.at(-1)}`)
      step = await running.next(answer)
    }
    return { challenges, is: step.value }
  } catch (error) {
    if (!(error instanceof NotProved)) throw error
    return { challenges, is: `${error.why}: ${error.message}`, claimed: error.claimed }
  }
}

const { PLAIN, LOGIN } = serverMechanisms
const plain = (message: string | Uint8Array) => exchange(PLAIN(known), message)

describe('PLAIN', () => {
  test('the examples of RFC 4616 section 4', async () => {
    assert.equal((await plain('\0tim\0tanstaaftanstaaf')).is, 'tim')
    const other = await plain('Ursel\0tim\0tanstaaftanstaaf')
    assert.deepEqual([other.is, other.claimed], ['credentials: It wants to act for another', 'tim'])
    assert.equal((await plain('tim\0tim\0tanstaaftanstaaf')).is, 'tim')
  })

  test('names and passwords are compared as they are prepared', async () => {
    assert.equal((await plain('\0I\u00adX\0a\u00a0b')).is, 'IX')
    assert.equal((await plain('\u2168\0IX\0a b')).is, 'IX')
  })

  test('who is unknown, and whose password is another, are told apart in the log alone', async () => {
    assert.equal((await plain('\0tim\0wrong')).is, 'credentials: The password is wrong')
    assert.equal((await plain('\0tom\0tanstaaftanstaaf')).is, 'credentials: The name is unknown')
    assert.equal((await plain('\0tim\0tanstaaftanstaaf\u0007')).is, 'credentials: The password is wrong')
    assert.equal((await plain('\0t\u0007\0x')).is, 'credentials: That can be no name')
    assert.equal((await plain('\0\u00ad\0x')).is, 'credentials: That can be no name')
    // Nobody is let in by a wrong password for another identity, and nobody learns of one that way.
    assert.equal((await plain('user\0tim\0wrong')).is, 'credentials: The password is wrong')
  })

  test('what is no message of it', async () => {
    for (const message of ['', 'tim', '\0tim', '\0\0x', '\0tim\0', '\0tim\0x\0', new Uint8Array([0, 255, 0, 65])]) {
      assert.match((await plain(message)).is, /^malformed/, JSON.stringify(message))
    }
  })
})

test('LOGIN asks for the name, unless the client began with it, and for the password', async () => {
  const login = LOGIN(known)
  assert.deepEqual(await exchange(login, 'tim', 'tanstaaftanstaaf'), {
    challenges: ['Username:', 'Password:'],
    is: 'tim',
  })
  const running = login.verify(Buffer.from('tim'), '192.0.2.1')
  assert.equal(Buffer.from((await running.next()).value ?? '').toString(), 'Password:')
  assert.deepEqual(await running.next(Buffer.from('tanstaaftanstaaf')), { value: 'tim', done: true })
  assert.equal((await exchange(login, 'tim', '')).is, 'credentials: The password is wrong')
  assert.equal((await exchange(login, '', 'x')).is, 'credentials: That can be no name')
})

describe('SCRAM', () => {
  const sha1 = scram('SCRAM-SHA-1', known, () => '3rfcNHYJY1ZVvWVs7j')
  const sha256 = scram('SCRAM-SHA-256', known, () => '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0')
  const FIRST = 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO'
  const FINAL =
    'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ='

  test('the example of RFC 5802 section 5', async () => {
    const said = await exchange(
      sha1,
      'n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL',
      'c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=',
      '',
    )
    assert.deepEqual(said, {
      challenges: [
        'r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096',
        'v=rmF9pqV8S7suAoZWja4dJRkFsKQ=',
      ],
      is: 'user',
    })
  })

  test('the example of RFC 7677 section 3', async () => {
    const said = await exchange(sha256, FIRST, FINAL, '')
    assert.deepEqual([said.challenges.at(-1), said.is], ['v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=', 'user'])
  })

  test('a wrong proof, and one by who has the password but not for this exchange', async () => {
    const wrong = FINAL.replace('p=dH', 'p=dG')
    const said = await exchange(sha256, FIRST, wrong)
    assert.deepEqual([said.challenges.length, said.is], [1, 'credentials: The password is wrong'])
    assert.match((await exchange(sha256, FIRST, FINAL.replace('p=dHzb', 'p='))).is, /^credentials|^malformed/)
    assert.match((await exchange(sha256, FIRST, FINAL.replace('$k0', '$k1'))).is, /^malformed/)
    assert.match((await exchange(sha256, FIRST.replace('n,,', 'y,,'), FINAL)).is, /^malformed/)
    assert.match((await exchange(sha256, FIRST.replace('n,,', 'p=tls-unique,,'), FINAL)).is, /^malformed/)
    assert.match((await exchange(sha256, FIRST, FINAL, 'more')).is, /^malformed/)
    assert.match((await exchange(sha256, 'nonsense')).is, /^malformed/)
  })

  test('a name that is unknown looks like another, and always the same', async () => {
    const asked = async (name: string, mechanism = scram('SCRAM-SHA-256', known, () => 'N')) =>
      (await exchange(mechanism, `n,,n=${name},r=C`, 'c=biws,r=CN,p=AAAA')).challenges[0]
    const [one, again, other, real] = await Promise.all(['tom', 'tom', 'tam', 'tim'].map((name) => asked(name)))
    assert.equal(one, again)
    assert.notEqual(one, other)
    assert.match(one ?? '', /^r=CN,s=[A-Za-z0-9+/]{22}==,i=4096$/)
    assert.match(real ?? '', /^r=CN,s=.*,i=4096$/)
    assert.notEqual(
      await asked(
        'tom',
        scram('SCRAM-SHA-1', known, () => 'N'),
      ),
      one,
    )
    // One who has a verifier for the other hash alone is not to be told from one who has none.
    const said = await exchange(
      scram('SCRAM-SHA-1', known, () => 'N'),
      'n,,n=tim,r=C',
      'c=biws,r=CN,p=AAAA',
    )
    assert.deepEqual(said.is, 'credentials: The name is unknown, or has no verifier for it')
  })
})

test('without the file nobody is refused for good, and of too much work the rest is put off', async () => {
  const away = credentials(() => Promise.reject(new Error('passwords: cannot be read (EACCES)')))
  for (const mechanism of [PLAIN(away), LOGIN(away)]) {
    const said = await exchange(mechanism, ...(mechanism.first === 'client' ? ['\0tim\0x'] : ['tim', 'x']))
    assert.equal(said.is, 'unavailable: passwords: cannot be read (EACCES)')
  }
  assert.match((await exchange(scram('SCRAM-SHA-256', away), 'n,,n=tim,r=C')).is, /^unavailable/)

  const busy = PLAIN(credentials(async () => table, new Turns(1, 1)))
  const right = '\0tim\0tanstaaftanstaaf'
  const said = await Promise.all([1, 2, 3].map(() => exchange(busy, right)))
  assert.deepEqual(
    said.map(({ is }) => is),
    ['tim', 'tim', 'busy: Too many passwords are being checked'],
  )
})

test('whatever a client says, it is who it proved to be, or nobody', async () => {
  const mechanisms = Object.values(serverMechanisms).map((make) => make(known))
  const message = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.stringMatching(/^[nyp](=[a-z]*)?,(a=[a-z]*)?,n=[a-z=,]*,r=[!-~]*$/),
    fc.stringMatching(/^c=[A-Za-z]*,r=[!-~]*,p=[A-Za-z0-9+/]*=?$/),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(message, { minLength: 3, maxLength: 4 }), async (messages) => {
      for (const mechanism of mechanisms) {
        const { is } = await exchange(mechanism, ...messages)
        assert.match(is, /^(credentials|malformed): /)
      }
    }),
  )
})

test('our clients and our servers understand each other, whatever names and passwords hold', async () => {
  const word = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
  await fc.assert(
    fc.asyncProperty(word, word, fc.boolean(), async (user, password, right) => {
      const name = nameKey(user)
      const prepared = saslPrep(password)
      fc.pre(name !== undefined && prepared !== undefined && prepared !== '')
      const verifiers = (['sha256', 'sha1'] as const).map((hash) =>
        scramVerifier(hash, prepared, Buffer.from('salt salt'), 4096),
      )
      const both = new Map([[name, await Promise.all(verifiers)]])
      const ours = credentials(async () => both)
      for (const client of clientMechanisms) {
        const make = serverMechanisms[client.name as keyof typeof serverMechanisms]
        if (make === undefined) continue
        const talk = client.begin({ user: name, password: right ? prepared : `${prepared}.` })
        const served = make(ours).verify(talk.initial, '192.0.2.1')
        const outcome = async (): Promise<string> => {
          let step = await served.next()
          while (!step.done) step = await served.next(await talk.respond(step.value))
          assert.ok(talk.over)
          return step.value
        }
        if (right) assert.equal(await outcome(), name)
        else await assert.rejects(outcome(), NotProved)
      }
    }),
    { numRuns: 20 },
  )
})
