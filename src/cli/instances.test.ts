import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { main } from './main.ts'

const bin = fileURLToPath(new URL('../../bin/smail', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'smail-instances-'))
const env = {
  PATH: process.env['PATH'],
  HOME: folder,
  XDG_RUNTIME_DIR: join(folder, 'run'),
  SMAIL_CONTROL: join(folder, 'nobody.sock'),
}
const DEFAULT = join(folder, 'run/smail/control.sock')

const file = (name: string, text: string): string => {
  const path = join(folder, name)
  writeFileSync(path, text, { mode: 0o600 })
  return path
}

/** `control` and `drop` are left to the defaults, but for what is added. */
const settings = (name: string, more = ''): string => `hostname: ${name}.test
domains: [${name}.test]
listen: { mx: { smtp: "127.0.0.1:0" } }
queue: { concurrency: 0 }
directors: { users: { users: { from: { names: [alice] }, root: ${name}-mail } } }
routers: { dead: { static: { routes: { "*": "127.0.0.1:1" } } } }
spool: { sqlite: { path: ${name}-spool } }
${more}`

const one = file('one.yaml', settings('one', 'drop: { directory: one-drop }\n'))
const two = file('two.yaml', settings('two', 'drop: { directory: two-drop }\ncontrol: { socket: two.sock }\n'))
const three = file('three.yaml', settings('three'))

const command = async (name: string, argv: readonly string[], input = 'Subject: x\n\nx\n') => {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const texts = { out: '', err: '' }
  stdout.setEncoding('utf8').on('data', (text) => (texts.out += text))
  stderr.setEncoding('utf8').on('data', (text) => (texts.err += text))
  const code = await main(name, argv, { stdin: Readable.from([Buffer.from(input)]), stdout, stderr, env })
  return { code, ...texts }
}
const smail = (...argv: string[]) => command('smail', argv)

let server: ChildProcess

/** The instance that runs by the first file. */
const start = async (): Promise<void> => {
  server = spawn(process.execPath, [bin, 'run', '--config', one], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  for await (const text of (server.stdout as Readable).iterator({ destroyOnReturn: false })) {
    said += text
    if (said.includes('ready')) return
  }
  assert.fail('it did not start')
}

before(async () => {
  mkdirSync(join(folder, 'run'))
  await start()
})
after(async () => {
  if (server.exitCode === null) {
    const ended = once(server, 'exit')
    server.kill('SIGKILL')
    await ended
  }
  rmSync(folder, { recursive: true })
})

test('the instance that runs by a file is asked, and no other one', async () => {
  const status = await smail('status', '--config', one, '--json')
  assert.deepEqual([status.code, status.err], [0, ''])
  assert.equal(JSON.parse(status.out).hostname, 'one.test')
  assert.equal(JSON.parse(status.out).spool, join(folder, 'one-spool'))
  for (const argv of [['status'], ['queue'], ['reload'], ['stop'], ['drain']]) {
    const { code, err } = await smail(...argv, '--config', two)
    assert.equal(code, 69)
    assert.match(err, /nothing runs: no instance answers on .*\/two\.sock/)
  }
})

test('where two files name one socket, the instance that answers is told from the one that was meant', async () => {
  for (const argv of [['status'], ['queue', 'list']]) {
    const { code, err } = await smail(...argv, '--config', three)
    assert.equal(code, 0)
    assert.deepEqual(err.split('\n'), [
      `warning: the instance on ${DEFAULT} has the hostname one.test; ${three} says three.test`,
      `warning: the instance on ${DEFAULT} has the spool ${folder}/one-spool; ${three} says ${folder}/three-spool`,
      '',
    ])
  }
})

test('settings that are wrong by now do not stand between an operator and what runs', async () => {
  const syntax = file('syntax.yaml', `${settings('one')}listen: [`)
  const unknown = file('unknown.yaml', settings('one', 'domians: [x]\n'))
  const elsewhere = file(
    'elsewhere.yaml',
    settings('one', 'domians: [x]\ncontrol: { socket: run/smail/control.sock }\n'),
  )
  for (const wrong of [syntax, unknown, elsewhere]) {
    for (const argv of [['status'], ['queue', 'list']]) {
      const { code, err } = await smail(...argv, '--config', wrong)
      assert.equal(code, 0, err)
      const [fault = '', ...more] = err.trimEnd().split('\n')
      assert.match(fault, /^\/.*\.yaml:\d+:\d+/)
      assert.deepEqual(more.slice(-1), [`warning: these settings are wrong; asking the instance on ${DEFAULT}`])
    }
  }
  const other = file('other.yaml', settings('other', 'domians: [x]\n'))
  assert.match(
    (await smail('status', '--config', other)).err,
    /has the hostname one\.test; .*other\.yaml says other\.test/,
  )
})

test('where settings that are wrong do not say which instance is meant, none is asked', async () => {
  const unclear = file('unclear.yaml', settings('one', 'control: { socket: 5000, mode: x }\n'))
  const open = file('open.yaml', settings('one'))
  const { chmodSync } = await import('node:fs')
  chmodSync(open, 0o666)
  for (const wrong of [unclear, open, join(folder, 'nowhere.yaml')]) {
    const { code, out, err } = await smail('status', '--config', wrong)
    assert.deepEqual([code, out], [78, ''])
    assert.match(err, /^\//)
  }
})

test('mailq and sendmail go to the instance of the file that is named', async () => {
  for (const how of [['-C', one], [`-C${one}`], ['--config', one], [`--config=${one}`]]) {
    const { code, out, err } = await command('sendmail', [...how, '-v', 'jo@far.example'])
    assert.equal(code, 0, err)
    const id = /^queued as (\w+)\n$/.exec(out)?.[1] ?? ''
    const listed = await command('mailq', how)
    assert.deepEqual([listed.code, listed.err, listed.out.includes(`${id}  `)], [0, '', true])
    assert.equal((await command('sendmail', ['-bp', ...how])).out, listed.out)
  }
  assert.equal((await command('sendmail', ['-q', '-C', one])).code, 0)
  assert.equal((await command('sendmail', ['-qRfar.example', '-C', one])).code, 0)
  assert.equal((await command('runq', ['-C', one])).code, 0)
  assert.match((await command('sendmail', ['-bs', '-C', one], 'QUIT\r\n')).out, /^220 one\.test /)
  assert.match((await command('sendmail', ['-bv', '-C', one, 'alice@one.test'])).out, /^alice@one\.test: users: /)
  assert.equal((await command('mailq', [])).code, 69)
})

test('where the instance of that file does not run, mail goes to its drop directory', async () => {
  assert.equal((await command('mailq', ['-C', two])).code, 69)
  assert.equal((await command('sendmail', ['-C', two, 'alice@two.test'])).code, 0)
  assert.equal(readdirSync(join(folder, 'two-drop')).length, 1)
  for (const name of ['sendmail', 'mailq']) {
    const { code, err } = await command(name, ['-C', join(folder, 'nowhere.yaml'), ...(name === 'mailq' ? [] : ['a'])])
    assert.equal(code, 78)
    assert.match(err, /nowhere\.yaml: does not exist/)
  }
})

test('mailq takes the options of sendmail, and no others', async () => {
  for (const argv of [['--confg', one], ['-y'], ['alice'], ['-bs'], ['-f', 'a\nb']]) {
    const { code, err } = await command('mailq', argv)
    assert.equal(code, 64, argv.join(' '))
    assert.match(err, /^mailq: [\s\S]*usage: /)
  }
  for (const name of ['sendmail', 'mailq']) {
    const help = await command(name, ['--help'])
    assert.deepEqual([help.code, help.err], [0, ''])
    assert.match(help.out, /^usage: sendmail .*\n +mailq /)
  }
})

test('an operator ends it by settings that are wrong by now', async () => {
  const ended = once(server, 'exit')
  const wrong = file('one.yaml', settings('one', 'domians: [x]\n'))
  const reload = await smail('reload', '--config', wrong)
  assert.equal(reload.code, 78)
  assert.match(reload.err, /the settings are wrong, the old ones stay in force/)
  assert.equal((await smail('stop', '--config', wrong)).code, 0)
  assert.deepEqual(await ended, [0, null])
})
