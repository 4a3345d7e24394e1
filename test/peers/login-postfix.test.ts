import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { handTo } from './client.ts'
import { startDovecot } from './dovecot.ts'
import { lacking } from './installed.ts'
import { mailIn, mailWith, withoutTrace } from './maildir.ts'
import { tryingMail } from './messages.ts'
import { freePort } from './ports.ts'
import { type Postfix, startPostfix } from './postfix.ts'
import { sceneForTests } from './scene.ts'
import { freePorts, type Smail, startSmail } from './smail.ts'
import { until } from './until.ts'

const HOST = 'mx.login.test'
const USER = 'ann@login.test'
const PASSWORD = 'open, sesame'
const WRONG = 'open, barley'
const MECHANISMS = ['PLAIN', 'LOGIN', 'CRAM-MD5', 'SCRAM-SHA-1', 'SCRAM-SHA-256']
const WAYS = ['verify', 'wrapped'] as const
type Way = (typeof WAYS)[number]

const EACH = WAYS.flatMap((tls) => MECHANISMS.map((mechanism) => ({ tls, mechanism })))
const nameOf = (tls: Way, mechanism: string): string => `${mechanism}-${tls}`.toLowerCase()

const SUBMISSION = `
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_authenticated_header = yes
smtpd_client_restrictions = permit_sasl_authenticated, reject
smtpd_relay_restrictions = permit_sasl_authenticated, reject
`

const skip = lacking(['postfix', 'dovecot', 'openssl'], true)

describe('Postfix as submission server, which asks Dovecot who we are', { skip }, () => {
  const scene = sceneForTests()
  let [postfix, smail]: [Postfix?, Smail?] = []
  let ports: Readonly<Record<Way, number>> = { verify: 0, wrapped: 0 }
  let env: Readonly<Record<string, string>> = {}
  const log = () => `${smail?.log()}\n${postfix?.log()}`
  const dns = { servers: ['127.0.0.1:9'], hosts: { [HOST]: '127.0.0.1' } }

  before(async () => {
    const dovecot = await startDovecot(scene, { logins: { [USER]: PASSWORD } })
    const wrapped = await freePort()
    const domains = EACH.map(({ tls, mechanism }) => `${nameOf(tls, mechanism)}.test`)
    postfix = await startPostfix(scene, {
      domain: 'login.test',
      ports: await freePorts(),
      services: `127.0.0.1:${wrapped} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes -o syslog_name=wrapped\n`,
      more: `${SUBMISSION}
smtpd_sasl_path = ${dovecot.auth}
virtual_mailbox_domains = login.test, ${domains.join(', ')}
virtual_mailbox_maps = static:bob/Maildir/
`,
    })
    ports = { verify: postfix.port, wrapped }
    env = { NODE_EXTRA_CA_CERTS: postfix.certificate }
    const named = <T>(of: (tls: Way, mechanism: string) => T) =>
      Object.fromEntries(EACH.map(({ tls, mechanism }) => [nameOf(tls, mechanism), of(tls, mechanism)]))
    const login = { user: USER, 'password-env': 'SMARTHOST_PASSWORD' }
    smail = await startSmail(scene, {
      env: { ...env, SMARTHOST_PASSWORD: PASSWORD },
      settings: {
        dns,
        routers: named((tls, mechanism) => {
          const name = nameOf(tls, mechanism)
          return { static: { transport: name, routes: { [`${name}.test`]: `${HOST}:${ports[tls]}` } } }
        }),
        transports: {
          local: { maildir: {} },
          ...named((tls, mechanism) => ({ smtp: { tls, login: { ...login, mechanisms: mechanism } } })),
        },
      },
    })
  })

  for (const { tls, mechanism } of EACH) {
    test(`it knows us by ${mechanism}, ${tls === 'wrapped' ? 'TLS from the first octet' : 'after STARTTLS'}`, async () => {
      assert.ok(smail && postfix)
      const name = nameOf(tls, mechanism)
      const body = tryingMail(name)
      await handTo(smail.ports.clear, { from: 'alice@ours.test', to: [`bob@${name}.test`], body })
      const { trace, sent } = withoutTrace(await mailWith(postfix.maildir('bob'), `bob@${name}.test`, log))
      assert.ok(sent.equals(body))
      assert.match(trace, /\(Authenticated sender: ann@login\.test\)\s+by mx\.login\.test \(Postfix\) with ESMTPSA/)
      assert.match(
        postfix.log(),
        new RegExp(
          `${tls === 'wrapped' ? 'wrapped' : 'postfix'}/smtpd.*sasl_method=${mechanism}, sasl_username=${USER}`,
        ),
      )
    })
  }

  /** Another of ours, with a smarthost. Its password stands in a file. */
  const withSmarthost = async (hostname: string, tls: Way, password: string) => {
    const file = join(scene.folder(`password-${hostname}`), 'password')
    writeFileSync(file, password, { mode: 0o600 })
    const login = { user: USER, 'password-file': file }
    const routers = { all: { smarthost: { hosts: `${HOST}:${ports[tls]}` } } }
    const transports = { local: { maildir: {} }, smtp: { smtp: { tls, login } } }
    return { file, ours: await startSmail(scene, { hostname, env, settings: { dns, routers, transports } }) }
  }

  for (const tls of WAYS) {
    test(`with a wrong password mail waits and nobody is told but the log, until it is mended (${tls})`, async () => {
      const { file, ours } = await withSmarthost(`mx.${tls}.ours.test`, tls, WRONG)
      const subject = `waits-${tls}`
      await handTo(ours.ports.clear, {
        from: 'alice@ours.test',
        to: ['bob@login.test'],
        body: tryingMail(subject),
      })
      const [refused] = await until(() => {
        const events = ours.events('login-refused')
        return events.length > 0 ? events : undefined
      }, ours.log)
      assert.equal(refused?.['hop'], HOST)
      assert.equal(refused?.['mechanism'], 'SCRAM-SHA-256')
      assert.match(String(refused?.['why']), /^535 5\.7\.8 /)
      const waiting = async () => (await ours.command('queue', 'list')).includes('refused the login') || undefined
      await until(waiting, ours.log)
      assert.doesNotMatch(ours.log(), /barley/)
      assert.deepEqual(await mailIn(ours.maildir('alice')), [])

      writeFileSync(file, PASSWORD)
      await ours.stop()
      await ours.start()
      await ours.command('queue', 'retry', '--all')
      assert.ok(postfix)
      await mailWith(postfix.maildir('bob'), subject, log)
      assert.deepEqual(await mailIn(ours.maildir('alice')), [])
    })
  }
})
