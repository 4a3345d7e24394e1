import assert from 'node:assert/strict'
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { readSettings } from '../config/load.ts'
import { pauseAfter } from './auth.ts'
import { faultsOfParts } from './check.ts'
import { createMta } from './compose.ts'
import { extensionSchemas } from './extensions.ts'

const folder = mkdtempSync(join(tmpdir(), 'smail-auth-'))
after(() => rmSync(folder, { recursive: true }))

const machine = {
  hostname: 'mx.example.org',
  uid: process.getuid?.() ?? 0,
  user: 'jo',
  home: folder,
  state: join(folder, 'state'),
  runtime: join(folder, 'run'),
}
const KEY = `${'A'.repeat(43)}=`
const LINE = `alice:SCRAM-SHA-256$4096:c2FsdCBzYWx0$${KEY}:${KEY}\n`
const put = (name: string, text: string, mode = 0o600): void => {
  writeFileSync(join(folder, name), text)
  chmodSync(join(folder, name), mode)
}
const read = (source: string) => {
  const text = `directors: { u: { users: { from: { names: [jo] } } } }\n${source}`
  const loaded = readSettings(text, join(folder, 'smail.yaml'), machine, extensionSchemas)
  assert.ok('settings' in loaded, JSON.stringify(loaded))
  return loaded
}
/** What is wrong, the folder left out. */
const faults = async (source: string): Promise<readonly string[]> => {
  const { settings, placed } = read(source)
  return placed(await faultsOfParts(settings)).map((line) => line.replaceAll(`${folder}/`, ''))
}
const submission = (block: string) =>
  `tls: { self-signed: true }\nlisten: { s: { submission: "127.0.0.1:0", extensions: { auth: ${block} } } }\n`

test('a file of passwords that is of no use is told of at its setting, with its lines', async () => {
  put('good', LINE)
  assert.deepEqual(await faults(submission('{ passwords: good }')), [])
  put('bad', `${LINE}${LINE}bob:x\n`)
  assert.deepEqual(await faults(submission('{ passwords: bad }')), [
    'smail.yaml:3:76 listen.s.extensions.auth.passwords: bad:2: "alice": stands already above',
    'smail.yaml:3:76 listen.s.extensions.auth.passwords: bad:3: "bob": no verifier here; expected one as `smail password` prints, SCRAM-SHA-256$4096:…$…:…',
  ])
  assert.match((await faults(submission('{ passwords: nowhere }')))[0] ?? '', /nowhere: does not exist$/)
  put('open', LINE, 0o622)
  assert.match((await faults(submission('{ passwords: open }')))[0] ?? '', /can be written by anyone/)
  assert.match(
    (await faults('extensions: { auth: { passwords: bad } }\n'))[0] ?? '',
    / extensions\.auth\.passwords: bad:2/,
  )
})

test('whose file it is', { skip: machine.uid !== 0 && 'root alone can give files away' }, async () => {
  put('foreign', LINE)
  chownSync(join(folder, 'foreign'), 12345, 0)
  assert.match(
    (await faults(submission('{ passwords: foreign }')))[0] ?? '',
    /belongs to uid 12345; expected root or uid 0/,
  )
})

test('settings by which nobody could log in', async () => {
  put('good', LINE)
  assert.match((await faults(submission('{ required: true }')))[0] ?? '', /required: leaves nobody who could log in/)
  const inClear = (block: string) => `extensions: { auth: ${block} }\n`
  assert.match(
    (await faults(inClear('{ passwords: good, mechanisms: [PLAIN, LOGIN] }')))[0] ?? '',
    /auth\.mechanisms: show the password, and without a certificate \(tls\) none of them is offered$/,
  )
  assert.deepEqual(await faults(inClear('{ passwords: good, mechanisms: PLAIN, in-clear-on-loopback: true }')), [])
  assert.deepEqual(await faults(inClear('{ passwords: good }')), [])
})

test('what `smail extensions` says of it', async () => {
  put('good', LINE)
  const listeners = async (source: string) => {
    const mta = await createMta(read(source).settings)
    const found = mta.extensions().find(({ keyword }) => keyword === 'AUTH')
    await mta.stop()
    assert.deepEqual([found?.server, found?.rfc], [true, [4954]])
    return found?.listeners
  }
  assert.deepEqual(await listeners(submission('{ passwords: good }')), {
    s: 'offered PLAIN and LOGIN under TLS, and demanded',
  })
  assert.deepEqual(await listeners(submission('{ passwords: good, mechanisms: SCRAM-SHA-256, required: false }')), {
    s: 'offered to everyone',
  })
  assert.deepEqual(await listeners('listen: { s: { submission: "127.0.0.1:0" } }\n'), {
    s: 'off: there are no passwords: extensions.auth.passwords',
  })
})

test('the answer to a wrong password waits twice as long each time, up to a bound', () => {
  assert.deepEqual([1, 2, 3, 4, 5, 6, 60].map(pauseAfter), [1000, 2000, 4000, 8000, 16_000, 16_000, 16_000])
})
