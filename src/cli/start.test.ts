import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type ListenOptions } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { after, type TestContext, test } from 'node:test'
import { systemClock } from '../observe/clock.ts'
import { silentLog } from '../observe/log.ts'
import { openSqliteSpool } from '../spool/sqlite.ts'
import { main } from './main.ts'

const folder = mkdtempSync(join(tmpdir(), 'smail-start-'))
after(() => rmSync(folder, { recursive: true }))
const config = join(folder, 'smail.yaml')

const SETTINGS = `hostname: mx.example.test
listen: { mx: { smtp: "127.0.0.1:0" } }
directors: { users: { users: { from: { names: [alice] } } } }
control: { socket: control.sock }
drop: { directory: drop }
spool: { sqlite: { path: spool } }
`

/** A start that must fail: its exit code, and its lines on standard error without the folder. */
const start = async (settings: string): Promise<{ readonly code: number; readonly lines: readonly string[] }> => {
  writeFileSync(config, settings)
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const env = { HOME: folder }
  const code = await main('smail', ['run', '--config', config], { stdin: Readable.from([]), stdout, stderr, env })
  assert.equal(stdout.read(), null)
  const text = String(stderr.read() ?? '').replaceAll(`${folder}/`, '')
  return { code, lines: text.split('\n').filter(Boolean) }
}

/** The one thing a start said: that it cannot, and why. */
const why = (lines: readonly string[]): string => {
  assert.equal(lines.length, 1, lines.join('\n'))
  const { event, level, why: said } = JSON.parse(lines[0] ?? '')
  assert.deepEqual([event, level], ['cannot-start', 'error'])
  return said
}

const listening = async (t: TestContext, at: ListenOptions): Promise<number> => {
  const server = createServer().listen(at)
  t.after(() => server.close())
  await new Promise((resolve) => server.once('listening', resolve))
  const found = server.address()
  return typeof found === 'object' && found ? found.port : 0
}

test('a port in use: one line with the address, its setting and the reason', async (t) => {
  const port = await listening(t, { host: '127.0.0.1', port: 0 })
  const { code, lines } = await start(SETTINGS.replace('127.0.0.1:0', `127.0.0.1:${port}`))
  assert.equal(code, 69)
  const said = `smail.yaml:2:23 listen.mx.smtp.0: 127.0.0.1:${port}: another program listens there (EADDRINUSE)`
  assert.equal(why(lines), said)
})

test('an address that this machine does not have', async () => {
  const elsewhere = await start(SETTINGS.replace('127.0.0.1:0', '192.0.2.1:2525'))
  const said = 'smail.yaml:2:23 listen.mx.smtp.0: 192.0.2.1:2525: this machine has no such address (EADDRNOTAVAIL)'
  assert.deepEqual(elsewhere, { code: 78, lines: [said] })
})

test('two addresses of ours, one of which takes in the other', async (t) => {
  const port = await listening(t, { host: '127.0.0.9', port: 0 })
  const both = `["127.0.0.1:${port}", "0.0.0.0:${port}"]`
  const { code, lines } = await start(SETTINGS.replace('"127.0.0.1:0"', both))
  assert.equal(code, 69)
  assert.match(
    why(lines),
    /^smail\.yaml:2:\d+ listen\.mx\.smtp\.1: 0\.0\.0\.0:\d+: this instance listens on 127\.0\.0\.1:\d+ \(listener mx\), and one of the two takes in the other$/,
  )
})

test('a live instance at the control socket: nothing begins, and the settings to change are named', async (t) => {
  const path = join(folder, 'control.sock')
  await listening(t, { path })
  for (const key of ['socket: control.sock', 'socket: mine.sock, submission: control.sock']) {
    const { code, lines } = await start(
      SETTINGS.replace('socket: control.sock', key).replace('path: spool', 'path: not-opened'),
    )
    assert.equal(code, 69)
    const [, place] = key.includes('submission') ? [0, '4:43 control.submission'] : [0, '4:20 control.socket']
    const more =
      'control.sock: another instance answers there; expected control: { socket: … } of its own, and drop: { directory: … } as well'
    assert.equal(why(lines), `smail.yaml:${place}: ${more}`)
  }
  assert.ok(!existsSync(join(folder, 'not-opened')), 'no spool was made')
})

test('a spool that another instance uses', async (t) => {
  const path = join(folder, 'spool')
  const spool = await openSqliteSpool({ path, owner: 'x', clock: systemClock(), log: silentLog })
  t.after(() => spool.close())
  const { code, lines } = await start(SETTINGS)
  assert.equal(code, 69)
  const said = 'spool: another instance uses this spool; expected a folder of its own'
  assert.equal(why(lines), `smail.yaml:6:26 spool.sqlite.path: ${said}`)
})

test('files and folders that are wrong are told as `smail check` tells them', async () => {
  writeFileSync(join(folder, 'file'), '')
  const { code, lines } = await start(
    `${SETTINGS.replace('path: spool', 'path: file')}tls: { certificate: a, key: file }\n`,
  )
  assert.equal(code, 78)
  assert.deepEqual(lines, [
    'smail.yaml:6:26 spool.sqlite.path: file: is no folder',
    'smail.yaml:7:21 tls.certificate: a: does not exist',
    'smail.yaml:7:29 tls.key: file: holds no private key in PEM',
  ])
  const spool = await start(SETTINGS.replace('path: spool', 'path: file'))
  assert.deepEqual(spool, { code: 78, lines: ['smail.yaml:6:26 spool.sqlite.path: file: is no folder'] })
})

test('faults of words and of files are told by one start', async () => {
  const { code, lines } = await start(
    `${SETTINGS.replace('path: spool', 'path: file')}tls: { certificate: a, key: file }\nlog: { level: loud }\n`,
  )
  assert.equal(code, 78)
  assert.deepEqual(
    lines.map((line) => line.split(': ')[0]),
    [
      'smail.yaml:6:26 spool.sqlite.path',
      'smail.yaml:7:21 tls.certificate',
      'smail.yaml:7:29 tls.key',
      'smail.yaml:8:15 log.level',
    ],
  )
})
