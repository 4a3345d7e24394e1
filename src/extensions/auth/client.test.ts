import assert from 'node:assert/strict'
import { test } from 'node:test'
import { authClient } from '../../../test/doubles/auth-client.ts'
import { outbound, withHop } from '../../../test/doubles/outbound.ts'
import type { Channel } from '../../net/channel.ts'
import { HopUnusable } from '../../smtp/client-hello.ts'
import type { Extension } from '../../smtp/extension.ts'
import { auth } from '../auth.ts'
import type { LoginEvent } from './client.ts'

const HELLO = 'S: 220 hop.test ready\nC: EHLO me.test\nS: 250-hop.test\n'
const PLAIN = Buffer.from('\0user\0pencil').toString('base64')

const under = (channel: Channel, secured: NonNullable<Channel['secured']>): Channel =>
  new Proxy(channel, {
    get(target, name) {
      if (name === 'secured') return secured
      const value = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })

/** A channel that comes under TLS as soon as there is an offer. */
const tls = (verified: boolean): Extension => ({
  keyword: 'X-TLS',
  rfc: [],
  client: {
    async offered(talk) {
      if (talk.hop.channel.secured) return undefined
      const why = verified ? {} : { why: 'the certificate is not trusted: self signed' }
      await talk.replaceChannel(async (one) => under(one, { protocol: 'TLSv1.3', cipher: 'TOY', verified, ...why }))
      return 'greetAgain'
    },
  },
})

const TLS = `${HELLO}S: 250 X-TLS\n${HELLO.replace('S: 220 hop.test ready\n', '')}`

/** What kept us out, as it is told to the queue and to the log. */
const outcome = async (script: string, extensions: readonly Extension[], names?: readonly string[]) => {
  const events: LoginEvent[] = []
  const lines: string[] = []
  try {
    const used = [
      ...extensions,
      auth(
        undefined,
        authClient(names, (event) => events.push(event)),
      ),
    ]
    await withHop(script, used, async ({ sendSome }) => {
      await sendSome(outbound())
    })
  } catch (error) {
    if (!(error instanceof HopUnusable)) throw error
    lines.push(`${error.diagnosis.by}: ${error.diagnosis.lines.join(' / ')}`)
  }
  return { lines, events }
}

const about = { hop: 'hop.test', user: 'user' }

test('a refusal is told with what the hop said, and repeats no secret that the hop repeats', async () => {
  const said = `S: 535-5.7.8 AUTH PLAIN ${PLAIN} is wrong\nS: 535 5.7.8 so is pencil, of ${PLAIN.slice(0, 9)}...`
  const why = '535 5.7.8 AUTH PLAIN [...] is wrong 5.7.8 so is [...], of [...]...'
  const { lines, events } = await outcome(`${TLS}S: 250 AUTH PLAIN\nC: AUTH PLAIN ${PLAIN}\n${said}`, [tls(true)])
  assert.deepEqual(lines, [`us: hop.test refused the login by PLAIN: ${why}`])
  assert.deepEqual(events, [{ ...about, mechanism: 'PLAIN', why }])
})

test('what the hop says of mail later on is kept without secrets, too', async () => {
  for (const [said, kept] of [
    [`550 5.7.1 no, ${PLAIN} for pencil`, ['5.7.1 no, [...] for [...]']],
    ['550 5.7.1 no, P-E-N-C-I-L', ['[...]']],
    ['421 4.7.0 pencil', ['4.7.0 [...]']],
  ] as const) {
    const lines: (readonly string[])[] = []
    const used = [tls(true), auth(undefined, authClient(['PLAIN']))]
    const talk = `${TLS}S: 250 AUTH PLAIN\nC: AUTH PLAIN ${PLAIN}\nS: 235 in\nC: MAIL FROM:<me@here.test> AUTH=<>\nS: ${said}`
    await withHop(talk, used, async ({ conversation }) => {
      await conversation.send(outbound(), ({ diagnosis }) => lines.push(diagnosis.lines))
    })
    assert.deepEqual(lines, [kept])
  }
})

test('of what a hop says only so much is repeated', async () => {
  const long = `S: 535 ${'x y '.repeat(400)}`
  const { events } = await outcome(`${TLS}S: 250 AUTH PLAIN\nC: AUTH PLAIN ${PLAIN}\n${long}`, [tls(true)])
  assert.equal(events[0]?.why?.length, 500)
})

test('a login that was taken is told, too', async () => {
  const script = `${TLS}S: 250 AUTH PLAIN\nC: AUTH PLAIN ${PLAIN}\nS: 235 in\nC: MAIL FROM:<me@here.test> AUTH=<>\nS: 451 later`
  assert.deepEqual(await outcome(script, [tls(true)]), { lines: [], events: [{ ...about, mechanism: 'PLAIN' }] })
})

for (const [what, script, extensions, why] of [
  ['AUTH in clear', `${HELLO}S: 250 SIZE`, [], 'it does not offer AUTH in clear'],
  ['AUTH', `${TLS}S: 250 SIZE`, [tls(true)], 'it does not offer AUTH'],
  ['TLS', `${HELLO}S: 250 AUTH PLAIN`, [], 'the connection is in clear'],
  [
    'a right certificate',
    `${TLS}S: 250 AUTH PLAIN GSSAPI`,
    [tls(false)],
    'its certificate does not prove its name, as it must for PLAIN (the certificate is not trusted: self signed)',
  ],
  [
    'a mechanism that we know',
    `${TLS}S: 250 AUTH GSSAPI NTLM`,
    [tls(true)],
    'it offers GSSAPI NTLM, and what may be used is PLAIN LOGIN',
  ],
  ['any mechanism', `${TLS}S: 250 AUTH`, [tls(true)], 'it offers nothing, and what may be used is PLAIN LOGIN'],
] as const) {
  test(`a hop without ${what} gets no mail, and the reason is told`, async () => {
    const { lines, events } = await outcome(script, extensions, ['PLAIN', 'LOGIN'])
    assert.deepEqual(lines, [`us: hop.test gets no mail without a login: ${why}`])
    assert.deepEqual(events, [{ ...about, why }])
  })
}

test('a hop that does not prove itself is told from one that talks nonsense', async () => {
  const first = Buffer.from('n,,n=user,r=rOprNGfwEbeRWgbNEkqO').toString('base64')
  const script = (answer: string) => `${TLS}S: 250 AUTH SCRAM-SHA-256\nC: AUTH SCRAM-SHA-256 ${first}\n${answer}`
  const unproved = await outcome(script('S: 235 welcome'), [tls(true)])
  assert.equal(unproved.events[0]?.why, 'it did not prove that it knows the password')
  const nonsense = await outcome(script('S: 334 go!\nC: *\nS: 501 cancelled'), [tls(true)])
  assert.deepEqual(nonsense.lines, [
    'us: The login at hop.test by SCRAM-SHA-256 was broken off: Its challenge is no base64',
  ])
})

test('a greeting after the login brings no second one', async () => {
  let greeted = false
  const again: Extension = {
    keyword: 'X-AGAIN',
    rfc: [],
    client: {
      async offered() {
        if (greeted) return undefined
        greeted = true
        return 'greetAgain'
      },
    },
  }
  const used = [tls(true), auth(undefined, authClient(['PLAIN'])), again]
  const rest = 'C: EHLO me.test\nS: 250 hop.test\nC: MAIL FROM:<me@here.test>\nS: 451 later'
  const script = `${TLS}S: 250-X-AGAIN\nS: 250 AUTH PLAIN\nC: AUTH PLAIN ${PLAIN}\nS: 235 in\n${rest}`
  await withHop(script, used, async ({ sendSome }) => {
    await sendSome(outbound())
  })
})
