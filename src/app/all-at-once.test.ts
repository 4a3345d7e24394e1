import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { loadAll } from './load-all.ts'

const folder = mkdtempSync(join(tmpdir(), 'smail-all-'))
after(() => rmSync(folder, { recursive: true }))
const put = (name: string, text: string): void => writeFileSync(join(folder, name), text, { mode: 0o600 })

const loaded = async (source: string) => {
  put('smail.yaml', source)
  return loadAll({ file: join(folder, 'smail.yaml'), env: { HOME: folder } })
}
const faults = async (source: string): Promise<readonly string[]> => {
  const found = await loaded(source)
  return 'faults' in found
    ? found.faults.map((line) => line.replaceAll(`${folder}/`, '').replace('smail.yaml:', ''))
    : []
}

put('no-colon', 'jo\n')
put('users', 'jo\njo\n')
put('no-module.ts', 'export const extension = 1\n')
put('good.ts', "export const extension = () => ({ keyword: 'X-GOOD', make: () => ({ keyword: 'X-GOOD', rfc: [] }) })\n")
put('text', 'nothing of the kind\n')

const TEN = `hostname: no name
listen:
  mx: { smtp: "127.0.0.1", extensions: { x-good: { a: 1 }, x-bad: {} } }
  up: { smtp: "unix:${folder}/none/s" }
directors:
  a: { aliases: { file: no-colon } }
  b: { users: { from: users, transport: stroe, seperator: "-" } }
  c: { users: { from: none, transport: store } }
transports: { store: { maildir: { path: "/mail/\${group}" } }, smtp: { smtp: { tls: on } } }
modules: [no-module.ts, ./good.ts, none.ts]
tls: { certificate: text, key: none.key }
spool: { sqlite: { path: text, history: 10 } }
extensions: { rrvs: { owners: none } }
queue: { lifetime: soon }
`

test('faults of words, of what they mean to each other, and of files, folders and modules are told together', async () => {
  assert.deepEqual(await faults(TEN), [
    "1:11 hostname: 'no name' is no domain; expected one as in example.org",
    `3:15 listen.mx.smtp.0: '127.0.0.1' is no address to listen on; expected one as in "127.0.0.1:25", "[::1]:25" or unix:/path`,
    '3:52 listen.mx.extensions.x-good.a: is no setting',
    '4:15 listen.up.smtp.0: none: the folder does not exist',
    '6:25 directors.a.aliases.file: no-colon:1: "jo": no "name:" here',
    '7:23 directors.b.users.from: users:2: "jo": the name stands already in an earlier line',
    '7:41 directors.b.users.transport: names the transport stroe, which does not exist; expected one of store, smtp; did you mean store?',
    '7:48 directors.b.users.seperator: is no setting; did you mean separator?',
    '8:23 directors.c.users.from: none: does not exist',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: as the message has it
    '9:41 transports.store.maildir.path: the path "/mail/${group}" has a variable other than ${user}',
    "9:84 transports.smtp.smtp.tls: is 'on'; expected one of off, may, encrypt, verify, wrapped",
    '10:11 modules.0: no-module.ts: exports no function `extension`',
    '10:36 modules.2: none.ts: does not exist',
    '11:21 tls.certificate: text: holds no certificate in PEM',
    '11:32 tls.key: none.key: does not exist',
    '12:26 spool.sqlite.path: text: is no folder',
    "12:41 spool.sqlite.history: '10' is no time; expected a number with ms, s, m, h, d or w, as in 90s or 5d",
    `13:31 extensions.rrvs.owners: none: does not exist`,
    "14:20 queue.lifetime: 'soon' is no time; expected a number with ms, s, m, h, d or w, as in 90s or 5d",
  ])
})

test('a keyword may be that of a module that cannot be loaded; one that is near ours is ours', async () => {
  const users = 'directors: { u: { users: { from: { names: [jo] } } } }\n'
  assert.deepEqual(await faults(`${users}modules: none.ts\nextensions: { x-bad: {}, exnp: off }\n`), [
    '2:10 modules.0: none.ts: does not exist',
    '3:26 extensions.exnp: is no setting; did you mean expn?',
  ])
})

test('what is wrong by default, because what was meant is wrong, is not told', async () => {
  const source =
    'directors: { u: { users: { from: [] } }, a: { aliases: { file: "" } } }\nspool: { sqlit: { path: /dev/null } }\n'
  assert.deepEqual(
    (await faults(source)).map((line) => line.split(': ')[0]),
    ['1:34 directors.u.users.from', '1:58 directors.a.aliases.file', '2:10 spool.sqlit'],
  )
})
