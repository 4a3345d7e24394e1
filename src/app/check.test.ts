import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { readSettings } from '../config/load.ts'
import { selfSigned } from '../net/self-signed.ts'
import { systemClock } from '../observe/clock.ts'
import { silentLog } from '../observe/log.ts'
import { openSqliteSpool } from '../spool/sqlite.ts'
import { faultsOfParts } from './check.ts'
import { createMta } from './compose.ts'
import { extensionSchemas } from './extensions.ts'
import { Unfit } from './unfit.ts'

const folder = mkdtempSync(join(tmpdir(), 'smail-check-'))
after(() => rmSync(folder, { recursive: true }))

const machine = {
  hostname: 'mx.example.org',
  uid: process.getuid?.() ?? 0,
  user: 'jo',
  home: folder,
  state: join(folder, 'state'),
  runtime: join(folder, 'run'),
}
const put = (name: string, text: string, mode = 0o600): void => {
  writeFileSync(join(folder, name), text)
  chmodSync(join(folder, name), mode)
}
const DIRECTORS = 'directors: { u: { users: { from: { names: [jo] } } } }\n'

const read = (source: string) => {
  const loaded = readSettings(source, join(folder, 'smail.yaml'), machine, extensionSchemas)
  assert.ok('settings' in loaded, JSON.stringify(loaded))
  return loaded
}
/** What is wrong, the folder left out. */
const faults = async (source: string): Promise<readonly string[]> => {
  const { settings, placed } = read(source)
  return placed(await faultsOfParts(settings)).map((line) => line.replaceAll(`${folder}/`, ''))
}

before(async () => {
  const [one, two] = [await selfSigned('one.test', Date.now(), 1), await selfSigned('two.test', Date.now(), 1)]
  put('one.crt', one.certificate)
  put('one.key', one.key)
  put('two.key', two.key)
  put('text', 'nothing of the kind\n')
  put('broken.crt', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n')
  put('broken.key', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n')
  const cipher = { cipher: 'aes-256-cbc', passphrase: 'x', type: 'pkcs8', format: 'pem' } as const
  const { privateKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: cipher,
  })
  put('locked.key', privateKey)
  put('good-aliases', 'postmaster: jo\n')
  put('bad-aliases', 'a: b\nno colon\nc:\n')
  put('bad-users', 'jo\njo\n../al\n')
  put('open-users', 'jo\n', 0o666)
})

const tls = (certificate: string, key: string) => `${DIRECTORS}tls:\n  certificate: ${certificate}\n  key: ${key}\n`
const FAULTS: readonly [what: string, source: string, ...told: string[]][] = [
  ['nothing', `${DIRECTORS}${tls('one.crt', 'one.key').slice(DIRECTORS.length)}`],
  [
    'a certificate and a key that are not there',
    tls('no.crt', 'no.key'),
    'smail.yaml:3:16 tls.certificate: no.crt: does not exist',
    'smail.yaml:4:8 tls.key: no.key: does not exist',
  ],
  [
    'a certificate and a key that are none',
    tls('text', 'text'),
    'smail.yaml:3:16 tls.certificate: text: holds no certificate in PEM',
    'smail.yaml:4:8 tls.key: text: holds no private key in PEM',
  ],
  [
    'a certificate and a key that are broken',
    tls('broken.crt', 'broken.key'),
    'smail.yaml:3:16 tls.certificate: broken.crt: holds a certificate that cannot be read',
    'smail.yaml:4:8 tls.key: broken.key: holds a private key that cannot be read',
  ],
  [
    'a key that is encrypted',
    tls('one.crt', 'locked.key'),
    'smail.yaml:4:8 tls.key: locked.key: is encrypted; expected a private key without a passphrase',
  ],
  [
    'a key of another certificate',
    tls('one.crt', 'two.key'),
    'smail.yaml:4:8 tls.key: two.key: is not the key of the certificate one.crt',
  ],
  [
    'aliases that are not there, and some with faults',
    'directors:\n  a: { aliases: { file: none } }\n  b: { aliases: { file: bad-aliases } }\n  c: { aliases: { file: none, optional: true } }\n',
    'smail.yaml:2:25 directors.a.aliases.file: none: does not exist',
    'smail.yaml:3:25 directors.b.aliases.file: bad-aliases:2: "no colon": no "name:" here',
    'smail.yaml:3:25 directors.b.aliases.file: bad-aliases:3: "c": nothing after the colon',
  ],
  [
    'users that are not there, with faults, or for anyone to write',
    'directors:\n  a: { users: { from: none } }\n  b: { users: { from: bad-users } }\n  c: { users: { from: open-users } }\n',
    'smail.yaml:2:23 directors.a.users.from: none: does not exist',
    'smail.yaml:3:23 directors.b.users.from: bad-users:2: "jo": the name stands already in an earlier line',
    'smail.yaml:3:23 directors.b.users.from: bad-users:3: "../al": is no local part; special characters belong in double quotes',
    'smail.yaml:4:23 directors.c.users.from: open-users: can be written by anyone; take that right away (chmod o-w)',
  ],
  [
    'a mailbox that is no place',
    `${DIRECTORS}transports:\n  local: { mbox: { path: "/mail/\${group}" } }\n  smtp: { smtp: {} }\n`,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: as the message has it
    'smail.yaml:3:26 transports.local.mbox.path: the path "/mail/${group}" has a variable other than ${user}',
  ],
  [
    'routes that cannot be',
    `${DIRECTORS}routers:\n  r: { static: { routes: { "a..b": mx, "c.test": mx } } }\n`,
    'smail.yaml:3:26 routers.r.static.routes: a..b: is no domain: expected example.org, .example.org, *.example.org, [192.0.2.1] or *',
  ],
  [
    'a spool where a file is',
    `${DIRECTORS}spool: { sqlite: { path: text } }\n`,
    'smail.yaml:2:26 spool.sqlite.path: text: is no folder',
  ],
  [
    'a spool below a file',
    `${DIRECTORS}spool: { sqlite: { path: text/a/b } }\n`,
    'smail.yaml:2:26 spool.sqlite.path: text: is no folder',
  ],
  [
    'sockets where other things are, and without a folder',
    `${DIRECTORS}control:\n  socket: text\n  submission: text/s\nlisten:\n  a: { lmtp: "unix:${folder}/none/s" }\n`,
    'smail.yaml:3:11 control.socket: text: is there and is no socket',
    'smail.yaml:4:15 control.submission: text: is no folder',
    'smail.yaml:6:14 listen.a.lmtp.0: none: the folder does not exist',
  ],
  [
    'everything at once',
    `tls: { certificate: no.crt, key: one.key }\ndirectors: { u: { users: { from: none } } }\nspool: { sqlite: { path: text } }\n`,
    'smail.yaml:1:21 tls.certificate: no.crt: does not exist',
    'smail.yaml:2:34 directors.u.users.from: none: does not exist',
    'smail.yaml:3:26 spool.sqlite.path: text: is no folder',
  ],
]

for (const [what, source, ...told] of FAULTS) {
  test(`parts: ${what}`, async () => assert.deepEqual(await faults(source), told))
}

test('what nobody wrote is told as the default that it is', async () => {
  mkdirSync(join(folder, 'state'))
  put('state/spool', 'in the way')
  const said = 'smail.yaml:1:1 spool.sqlite.path: state/spool: is no folder (by default; nothing here says otherwise)'
  assert.deepEqual(await faults(DIRECTORS), [said])
  rmSync(join(folder, 'state'), { recursive: true })
})

test('a folder that may not be written to, and a spool of somebody else', {
  skip: process.getuid?.() === 0 && 'root may write everywhere',
}, async () => {
  mkdirSync(join(folder, 'shut'))
  put('shut/spool.db', '', 0o400)
  const source = `${DIRECTORS}spool: { sqlite: { path: shut } }\n`
  const where = 'smail.yaml:2:26 spool.sqlite.path:'
  assert.deepEqual(await faults(source), [`${where} shut/spool.db: cannot be written to (EACCES)`])
  chmodSync(join(folder, 'shut'), 0o500)
  const shut = `${join(folder, 'shut')}: the folder cannot be written to (EACCES)`
  assert.deepEqual(await faults(source), [`${where} ${shut.replaceAll(`${folder}/`, '')}`])
})

test('to check listens nowhere, locks no spool and makes nothing', async (t) => {
  const path = join(folder, 'taken')
  const spool = await openSqliteSpool({ path, owner: 'x', clock: systemClock(), log: silentLog })
  t.after(() => spool.close())
  const busy = createServer().listen(0, '127.0.0.1')
  t.after(() => busy.close())
  await new Promise((resolve) => busy.once('listening', resolve))
  const at = busy.address()
  const port = typeof at === 'object' && at ? at.port : 0
  const before = readdirSync(folder)
  assert.deepEqual(
    await faults(`${DIRECTORS}listen: { mx: { smtp: "127.0.0.1:${port}" } }\nspool: { sqlite: { path: taken } }\n`),
    [],
  )
  assert.deepEqual(await faults(`${DIRECTORS}spool: { sqlite: { path: new } }\ncontrol: { socket: run/c }\n`), [])
  assert.deepEqual(readdirSync(folder), before)
  assert.ok(!existsSync(join(folder, 'run')))
})

test('a program that embeds us is told all of it, by the settings that ask it', async () => {
  const { settings } = read(
    tls('no.crt', 'one.key')
      .replace('[jo]', '[jo]')
      .replace(DIRECTORS, 'directors: { u: { users: { from: none } } }\n'),
  )
  await assert.rejects(createMta(settings), (error: unknown) => {
    assert.ok(error instanceof Unfit)
    const lines = error.message.replaceAll(`${folder}/`, '').split('\n')
    assert.deepEqual(lines, ['tls.certificate: no.crt: does not exist', 'directors.u.users.from: none: does not exist'])
    return error.name === 'Misconfigured'
  })
})

test('a start that finds the spool unfit has opened nothing', async () => {
  const { settings } = read(`${DIRECTORS}listen: { mx: { smtp: "127.0.0.1:0" } }\nspool: { sqlite: { path: text } }\n`)
  const events: string[] = []
  const mta = await createMta(settings, { log: { event: (_, event) => events.push(event) } })
  await assert.rejects(mta.start(), Unfit)
  assert.deepEqual(events, [])
})
