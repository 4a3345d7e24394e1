import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import {
  createServer,
  extensions,
  type ParamBag,
  reply,
  type SmtpServer,
  systemClock,
  tlsService,
} from '../../src/index.ts'
import { Client } from '../systems/kit/client.ts'
import { talk } from '../systems/kit/talk.ts'
import { makeCertificate } from './certificate.ts'
import { lacking } from './installed.ts'
import { mailWith } from './maildir.ts'
import { freePort } from './ports.ts'
import { sceneForTests } from './scene.ts'
import { freePorts, type Smail, startSmail } from './smail.ts'
import { until } from './until.ts'

interface Arrived {
  readonly sender: string
  readonly params: ParamBag
  readonly recipients: readonly { readonly address: string; readonly params: ParamBag }[]
  readonly octets: Buffer
}

const CERTIFIER = createHash('sha1').update('a secret').digest('base64').replace(/=+$/, '')
const CLASSES = 'com.example:ADV,org.example:NEWS'
/** Our first host logs in at the second. */
const LOGIN = { user: 'ann', 'password-env': 'PENCIL' }
const PASSWORDS =
  'ann:SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=\n'
const TEXT = [
  'From: <alice@origin.test>',
  'Subject: Grüße',
  `Solicitation: ${CLASSES}`,
  'MIME-Version: 1.0',
  'Content-Type: text/plain; charset=utf-8',
  'Content-Transfer-Encoding: 8bit',
  '',
  'Alles auf einmal: äöü',
  '',
].join('\r\n')

/** A server of ours that takes all and keeps what it was told. */
const last = (own: { readonly certificate: string; readonly key: string }, arrived: Arrived[]): SmtpServer =>
  createServer({
    name: 'mx.last.test',
    extensions: [
      extensions.startTls(tlsService({ clock: systemClock(), own })),
      extensions.requireTls(),
      extensions.eightBitMime(),
      extensions.smtpUtf8(),
      extensions.dsn(),
      extensions.deliverBy(),
      extensions.mtrk({ timeout: 1e9, longest: 1e9 }),
      extensions.mtPriority(undefined, { trusts: () => true, note: () => {} }),
      extensions.size(1e9),
      extensions.auth({
        mechanisms: [{ name: 'X-NONE', first: 'server', verify: () => assert.fail('Nobody logs in') }],
      }),
      extensions.rrvs(async () => 'elsewhere'),
      extensions.noSoliciting({ refuse: [], recipients: {} }),
      extensions.enhancedStatusCodes(),
    ],
    sink: {
      open: ({ sender, params, recipients }) => {
        const chunks: Uint8Array[] = []
        return {
          write: (chunk) => void chunks.push(Uint8Array.from(chunk)),
          async *conclude() {
            arrived.push({
              sender: `${sender?.local}@${sender?.domain}`,
              params,
              recipients: recipients.map((one) => ({ address: one.address.local, params: one.params })),
              octets: Buffer.concat(chunks),
            })
            for (const index of recipients.keys()) yield { index, reply: reply(250, '2.0.0', 'Taken') }
          },
          abort: async () => {},
        }
      },
    },
  })

describe('every parameter at once, over two hops', { skip: lacking(['openssl']) }, () => {
  const scene = sceneForTests()
  const arrived: Arrived[] = []
  let server: SmtpServer | undefined
  let [first, middle]: [Smail?, Smail?] = []

  before(async () => {
    const ports = { first: await freePorts(), middle: await freePorts(), last: await freePort() }
    const made = new Map(
      ['origin', 'middle', 'last'].map((name) => [
        name,
        makeCertificate(scene.folder(`of-${name}`), `mx.${name}.test`),
      ]),
    )
    const pem = (name: string) => {
      const { certificate = '', key = '' } = made.get(name) ?? {}
      return { certificate: readFileSync(certificate, 'utf8'), key: readFileSync(key, 'utf8') }
    }
    const roots = join(scene.folder('roots'), 'roots.pem')
    writeFileSync(roots, [...made.keys()].map((name) => pem(name).certificate).join(''))
    server = last(pem('last'), arrived)
    await server.listen({ host: '127.0.0.1', port: ports.last })
    const passwords = join(scene.folder('passwords'), 'passwords')
    writeFileSync(passwords, PASSWORDS, { mode: 0o600 })
    const names = ['origin', 'middle', 'last'].map((name) => `mx.${name}.test`)
    const start = async (name: string, own: typeof ports.first, tracking: number, routes: object) => {
      const { certificate, key } = made.get(name) ?? {}
      return startSmail(scene, {
        domain: `${name}.test`,
        ports: own,
        env: { NODE_EXTRA_CA_CERTS: roots, PENCIL: 'pencil' },
        settings: {
          dns: { servers: ['127.0.0.1:9'], hosts: Object.fromEntries(names.map((one) => [one, '127.0.0.1'])) },
          tls: { certificate, key },
          listen: { mx: { smtp: `127.0.0.1:${own.tls}` }, track: { mtqp: `127.0.0.1:${tracking}` } },
          extensions: { 'mt-priority': { networks: ['127.0.0.0/8'] }, auth: { passwords } },
          transports: { local: { maildir: {} }, smtp: { smtp: { logins: { 'mx.middle.test': LOGIN } } } },
          routers: { all: { static: { routes } } },
        },
      })
    }
    first = await start('origin', ports.first, await freePort(), { 'last.test': `mx.middle.test:${ports.middle.tls}` })
    middle = await start('middle', ports.middle, await freePort(), {
      'last.test': `mx.last.test:${ports.last}`,
      'origin.test': `mx.origin.test:${ports.first.tls}`,
    })
  })
  after(() => server?.close())

  test('each arrives as its RFC has it, and both hosts tell the sender where the mail went', async () => {
    assert.ok(first && middle)
    const mail =
      `BODY=8BITMIME SIZE=400 RET=HDRS ENVID=QQ+2B1@origin.test BY=3600;NT MTRK=${CERTIFIER}:864000 ` +
      `SOLICIT=${CLASSES} MT-PRIORITY=3 SMTPUTF8 REQUIRETLS AUTH=e+3Dmc2@origin.test`
    const rcpt = 'NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;B+2Bob@Last.test RRVS=2014-07-01T00:00:00Z;C'
    const client = await Client.open(`127.0.0.1:${first.ports.tls}`, '127.0.0.1')
    try {
      const hello =
        'S: 220 *\nC: EHLO client.test\nS: 250 *\nC: STARTTLS\nS: 220 *\nT! mx.origin.test\nC: EHLO client.test\nS: 250 *'
      const envelope = `C: MAIL FROM:<alice@origin.test> ${mail}\nS: 250 *\nC: RCPT TO:<bob@last.test> ${rcpt}\nS: 250 *`
      const text = Buffer.from(TEXT).toString('latin1').replaceAll('\r\n', '\\r\\n')
      await talk(
        client,
        `${hello}\n${envelope}\nC: DATA\nS: 354 *\nC- ${text}\nC: .\nS: 250 *\nC: QUIT\nS: 221 *`,
        'client',
      )
    } finally {
      client.close()
    }
    const log = () => `${first?.log()}\n${middle?.log()}`
    await until(() => arrived.length > 0 || undefined, log)
    const [found] = arrived
    assert.ok(found)
    const { BY, MTRK, ...params } = found.params
    assert.deepEqual(params, {
      BODY: '8BITMIME',
      SIZE: String(found.octets.length),
      RET: 'HDRS',
      ENVID: 'QQ+2B1@origin.test',
      SOLICIT: CLASSES,
      'MT-PRIORITY': '3',
      SMTPUTF8: true,
      REQUIRETLS: true,
      // Nobody has logged in at our first host, so nobody is taken at their word (RFC 4954 section 5).
      AUTH: '<>',
    })
    assert.match(String(BY), /^3[45]\d\d;NT$|^3600;NT$/)
    assert.match(String(MTRK), new RegExp(`^${CERTIFIER.replace(/[+]/g, '\\+')}:86[34]\\d{3}$`))
    assert.equal(found.sender, 'alice@origin.test')
    assert.deepEqual(found.recipients, [
      {
        address: 'bob',
        params: { NOTIFY: 'SUCCESS,FAILURE', ORCPT: 'rfc822;B+2Bob@Last.test', RRVS: '2014-07-01T00:00:00Z;C' },
      },
    ])
    const content = found.octets.toString()
    assert.ok(content.endsWith(TEXT), content)
    const trace = content.slice(0, -TEXT.length)
    assert.equal(trace.match(/with UTF8SMTPS/g)?.length, 2, trace)
    assert.equal(trace.match(/with UTF8SMTPSA/g)?.length, 1, trace)
    assert.equal(trace.match(/SOLICIT=com\.example:ADV,org\.example:NEWS/g)?.length, 2, trace)
    assert.equal(trace.match(/PRIORITY 3/gi)?.length, 2, trace)

    for (const host of ['origin', 'middle']) {
      const report = (await mailWith(first.maildir('alice'), `Reporting-MTA: dns; mx.${host}.test`, log)).toString(
        'latin1',
      )
      for (const field of [
        'Original-Envelope-Id: QQ+1@origin.test',
        'Original-Recipient: rfc822;B+ob@Last.test',
        'Final-Recipient: rfc822; bob@last.test',
        'Action: relayed',
      ]) {
        assert.ok(report.includes(`\n${field}\n`) || report.includes(`\n${field}\r\n`), `${field}\n${report}`)
      }
      assert.match(report, /^Deliver-By-Date: /m)
      assert.doesNotMatch(report, /Alles auf einmal/)
    }
  })
})
