import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { PassThrough, Readable } from 'node:stream'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ControlFault, connectControl, type WireEnvelope } from '../app/control-client.ts'
import { main } from './main.ts'

const bin = fileURLToPath(new URL('../../bin', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'smail-cli-'))
const env = { PATH: process.env['PATH'], HOME: folder, SMAIL_CONTROL: join(folder, 'control.sock') }

const SETTINGS = `
hostname: mx.example.test
domains: [example.test]
postmaster: alice@example.test
listen: { mx: { smtp: "127.0.0.1:0" } }
control: { socket: control.sock }
drop: { directory: ${folder}/.local/state/smail/drop }
directors: { users: { users: { from: { names: [alice, bob] }, root: mail } } }
routers: { dead: { static: { routes: { "*": "127.0.0.1:1" } } } }
transports: { local: { maildir: {} }, smtp: { smtp: {} } }
spool: { sqlite: { path: spool } }
`
const config = join(folder, 'smail.yaml')

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** A command as a process of its own, by this Node or another. */
const spawned = async (name: string, argv: readonly string[], input = '', node = process.execPath): Promise<Ended> => {
  const child = spawn(node, [join(bin, name), ...argv], { env })
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const [out, err] = [gathered(child.stdout), gathered(child.stderr)]
  const [code] = await once(child, 'close')
  return { code, out: out(), err: err() }
}

/** The same within this process, which takes a tenth of the time. */
const command = async (name: string, argv: readonly string[], input = ''): Promise<Ended> => {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const [out, err] = [gathered(stdout), gathered(stderr)]
  const stdin = input === '' ? Readable.from([]) : Readable.from([Buffer.from(input)])
  const code = await main(name, argv, { stdin, stdout, stderr, env })
  return { code, out: out(), err: err() }
}

const gathered = (stream: Readable): (() => string) => {
  let text = ''
  stream.setEncoding('utf8').on('data', (chunk) => {
    text += chunk
  })
  return () => text
}

const smail = (...argv: string[]) => command('smail', argv)

type Event = Readonly<Record<string, unknown>> & { readonly event: string }

/** A server as a child process, its log read line by line. */
class Server {
  readonly child: ChildProcess
  readonly #seen: Event[] = []
  readonly #waiting: { fits(event: Event): boolean; resolve(event: Event): void }[] = []

  constructor() {
    const child = spawn(process.execPath, [join(bin, 'smail'), 'run', '--config', config], {
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.child = child
    createInterface({ input: child.stderr }).on('line', (line) => {
      const event = JSON.parse(line) as Event
      this.#seen.push(event)
      const met = this.#waiting.filter(({ fits }) => fits(event))
      for (const one of met) {
        this.#waiting.splice(this.#waiting.indexOf(one), 1)
        one.resolve(event)
      }
    })
  }

  /** An event of the past or the future. */
  event(name: string, fields: Readonly<Record<string, unknown>> = {}): Promise<Event> {
    const fits = (event: Event) =>
      event.event === name && Object.entries(fields).every(([key, value]) => event[key] === value)
    const past = this.#seen.find(fits)
    return past ? Promise.resolve(past) : new Promise((resolve) => this.#waiting.push({ fits, resolve }))
  }

  async end(signal: NodeJS.Signals): Promise<number | null> {
    const ended = once(this.child, 'exit')
    this.child.kill(signal)
    return (await ended)[0]
  }
}

let server: Server
const maildir = (user: string) => {
  const path = join(folder, 'mail', user, 'Maildir/new')
  return readdirSync(path).map((name) => readFileSync(join(path, name), 'utf8'))
}

before(async () => {
  writeFileSync(config, SETTINGS)
  server = new Server()
  await server.event('started')
  // The control socket is there once status answers; nobody else uses this folder.
  while ((await smail('status')).code !== 0) assert.equal(server.child.exitCode, null)
})

after(async () => {
  if (server.child.exitCode === null) await server.end('SIGKILL')
  rmSync(folder, { recursive: true })
})

test('sendmail -t: recipients from the header, Bcc gone, missing fields added, delivered', async () => {
  const input = 'To: Alice <alice@example.test>\nBcc: bob\nSubject: hi\n\n.hello\n..\nlast line'
  const { code, out, err } = await command(
    'sendmail',
    ['-t', '-i', '-v', '-f', 'jo@elsewhere.example', '-FJo "X" Y'],
    input,
  )
  assert.equal(code, 0, err)
  const id = /^queued as (\w+)\n$/.exec(out)?.[1]
  await Promise.all(['alice', 'bob'].map((user) => server.event('delivered', { id, to: `<${user}@example.test>` })))
  const [mail = ''] = maildir('bob')
  assert.match(mail, /^Return-Path: <jo@elsewhere\.example>$/m)
  assert.match(mail, /^From: "Jo \\"X\\" Y" <jo@elsewhere\.example>$/m)
  assert.match(mail, /^Date: \w{3}, \d+ \w{3} \d{4} /m)
  assert.match(mail, /^Message-ID: <[^@]+@example\.test>$/m)
  assert.doesNotMatch(mail, /bcc/i)
  assert.ok(mail.replaceAll('\r\n', '\n').endsWith('\n\n.hello\n..\nlast line\n'))
  assert.equal((await spawned('mailq', [])).out, 'Mail queue is empty\n')
})

test('sendmail’s exit codes say what its callers act on', async () => {
  const codes: [code: number, said: RegExp, argv: string[], input?: string][] = [
    [64, /no recipients; name some/, []],
    [64, /no recipients in the header/, ['-t'], 'Subject: x\n\nTo: alice\n'],
    [64, /there is no option -y/, ['-y', 'alice']],
    [64, /-N is never/, ['-N', 'sometimes', 'alice']],
    [65, /'a b c' is no address/, ['a b c']],
    [65, /'alice@@x' is no address/, ['-t'], 'To: alice@@x\n\n'],
    [67, /5\.1\.1 .*/, ['nobody@example.test'], 'Subject: x\n\n'],
  ]
  for (const [code, said, argv, input] of codes) {
    const ended = await command('sendmail', argv, input)
    assert.equal(ended.code, code, ended.err)
    assert.match(ended.err, said)
  }
})

test('sendmail: a message without header, ended by a dot, 8-bit and large', async () => {
  const short = await command('sendmail', ['-v', 'bob@example.test'], 'no header here\n.\nnot read\n')
  const id = short.out.slice(10).trim()
  await server.event('delivered', { id })
  assert.ok(maildir('bob').some((mail) => /\r?\n\r?\nno header here\r?\n$/.test(mail)))
  const large = await command(
    'sendmail',
    ['-v', '-i', 'bob'],
    `Subject: large\n\n${'grüße 0123456789\n'.repeat(100_000)}`,
  )
  assert.equal(large.code, 0, large.err)
  await server.event('delivered', { id: large.out.slice(10).trim() })
})

test('sendmail -bs speaks SMTP', async () => {
  const dialogue = [
    'EHLO x',
    'MAIL FROM:<jo@elsewhere.example>',
    'RCPT TO:<alice@example.test>',
    'DATA',
    'Subject: bs',
    '',
    'x',
    '.',
    'QUIT',
    '',
  ]
  // As a program has it, and as a person types it.
  for (const lineEnd of ['\r\n', '\n']) {
    const { code, out } = await command('sendmail', ['-bs'], dialogue.join(lineEnd))
    assert.equal(code, 0)
    assert.match(out, /^220 mx\.example\.test [\s\S]*\r\n250 2\.\d\.\d [\s\S]*queued as \w+\r\n221 [^\r]*\r\n$/)
  }
})

test('parameters that MAIL and RCPT would refuse are refused in mail that is handed over, and nothing is kept', async () => {
  const hand = async (envelope: WireEnvelope) => {
    const client = await connectControl(env.SMAIL_CONTROL)
    return client.submit(envelope, body()).finally(() => client.close())
  }
  const body = async function* () {
    yield Buffer.from('Subject: x\r\n\r\nx\r\n')
  }
  const to = (params: Record<string, string | true>) => [{ address: 'alice@example.test', params }]
  const refused: [code: number, said: RegExp, envelope: WireEnvelope][] = [
    [555, /MAIL parameter XFLY is not known/, { sender: null, params: { XFLY: 'y' }, recipients: to({}) }],
    [555, /RCPT parameter RET is not known/, { sender: null, params: {}, recipients: to({ RET: 'FULL' }) }],
    [501, /Malformed ENVID/, { sender: null, params: { ENVID: 'x'.repeat(101) }, recipients: to({}) }],
    [501, /Malformed ENVID/, { sender: null, params: { ENVID: 'a+0Ab' }, recipients: to({}) }],
    [501, /Malformed RET/, { sender: null, params: { RET: true }, recipients: to({}) }],
    [501, /NOTIFY=NEVER stands alone/, { sender: null, params: {}, recipients: to({ NOTIFY: 'NEVER,DELAY' }) }],
  ]
  for (const [code, said, envelope] of refused) {
    const error = await hand(envelope).then(
      () => assert.fail('taken'),
      (thrown: unknown) => thrown,
    )
    assert.ok(error instanceof ControlFault, String(error))
    assert.deepEqual([error.fault.kind, error.fault.reply?.code], ['refused', code])
    assert.match(error.message, said)
  }
  const params = { RET: 'FULL', ENVID: 'x', SIZE: '20', BODY: '8bitmime' }
  assert.match(await hand({ sender: null, params, recipients: to({ NOTIFY: 'NEVER' }) }), /^\w+$/)
})

test('the queue: what waits is listed, held, released, tried, traced and deleted', async () => {
  const { out } = await command('sendmail', ['-v', 'jo@far.example'], 'Subject: far\n\nbody\n')
  const id = out.slice(10).trim()
  await server.event('deferred', { id })
  const rows = async () => {
    const { out: lines } = await smail('queue', 'list', '--json', id)
    return lines
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line))
  }
  const [row] = await rows()
  assert.deepEqual(Object.keys(row).sort(), ['accepted', 'heldUntil', 'id', 'recipients', 'sender', 'size'])
  const [recipient] = row.recipients
  assert.deepEqual([row.id, recipient.address, recipient.fate], [id, 'jo@far.example', 'waiting'])
  assert.match(recipient.last, /^4\d\d /)
  assert.ok(Date.parse(recipient.due) > Date.parse(row.accepted))

  const mailq = await command('mailq', [])
  assert.match(mailq.out, new RegExp(`^${id} [^\\n]*\\n {4}jo@far\\.example waiting, due in [^\\n]*, 1 attempt: 4`))
  assert.match(mailq.out, /-- \d+ in 1 message\n$/)

  assert.equal((await smail('queue', 'hold', id)).out, '1 recipient\n')
  assert.equal((await rows())[0].recipients[0].fate, 'held')
  assert.equal((await smail('queue', 'release', '--domain', 'far.example', '--json')).out, '{"recipients":1}\n')
  assert.equal((await rows())[0].recipients[0].fate, 'waiting')
  const again = await smail('queue', 'release', id, 'nope')
  assert.deepEqual([again.code, again.out], [66, '0 recipients\n'])
  assert.match(again.err, new RegExp(`^smail: nothing to release in ${id}: .*\\nsmail: There is no message nope\\n$`))
  assert.equal((await smail('queue', 'release', id)).code, 65)
  assert.match((await smail('queue', 'body', id)).out, /^Received: [\s\S]*Subject: far\r\n[\s\S]*\r\nbody\r\n$/)
  assert.match((await smail('queue', 'show', id)).out, /came by local/)
  assert.equal((await smail('queue', 'park', id, '--why', 'to be looked at')).code, 0)
  assert.match((await rows())[0].recipients[0].last, /to be looked at/)
  assert.equal((await smail('queue', 'unpark', '--all')).code, 0)
  // What is being tried at this moment is met by no operation.
  while ((await smail('queue', 'delete', id)).code !== 0) assert.equal((await rows()).length, 1)
  assert.deepEqual(await rows(), [])
  assert.deepEqual(await smail('queue'), { code: 0, out: 'Mail queue is empty\n', err: '' })
  assert.deepEqual(await smail('queue', 'list', '--json'), { code: 0, out: '', err: '' })
  assert.equal((await smail('queue', 'list', '--fate', 'held')).out, 'No mail in the queue fits\n')
  assert.match((await smail('queue', 'trace', id)).out, /^\d{4}-\d\d-\d\dT[\s\S]*accepted[\s\S]*\n/)
})

test('the queue: what makes no sense is refused, and nothing is done', async () => {
  const refused: [code: number, said: RegExp, argv: string[]][] = [
    [64, /no command lst; did you mean list\?/, ['lst']],
    [64, /of what\?/, ['delete']],
    [64, /of what\?/, ['show']],
    [64, /no option --sendr; did you mean sender\?/, ['list', '--sendr', 'x']],
    [64, /no fate waitng; did you mean waiting\?/, ['list', '--fate', 'waitng']],
    [
      64,
      /no command fly; there are list, show, body, trace, retry, hold, release, bounce, delete, park, unpark\n/,
      ['fly'],
    ],
    ...['show', 'body', 'trace', 'retry', 'hold', 'release', 'bounce', 'delete', 'park', 'unpark', 'list'].map(
      (verb): [number, RegExp, string[]] => [66, /^smail: There is no message nope\n$/, [verb, 'nope']],
    ),
    [66, /^smail: There is no message a\nsmail: There is no message b\n$/, ['delete', 'a', 'b']],
    [66, /^smail: There is no message a\\x1b\n$/, ['show', 'a\x1b']],
  ]
  for (const [code, said, argv] of refused) {
    const ended = await smail('queue', ...argv)
    assert.equal(ended.code, code)
    assert.match(ended.err, said)
  }
})

test('explain and extensions', async () => {
  const known = await smail('explain', 'alice@example.test', '--json')
  assert.equal(known.code, 0)
  assert.deepEqual([JSON.parse(known.out).result, JSON.parse(known.out).by], ['mailbox', 'users'])
  const unknown = await smail('explain', 'nobody@example.test')
  assert.equal(unknown.code, 1)
  assert.match(unknown.out, /^nobody@example\.test: directors: refused: 550 5\.1\.1 /)
  const several = await smail('explain', 'alice@example.test', 'nobody@example.test', 'a@@b', 'x@far.example', '--json')
  const results = several.out
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line).result)
  assert.deepEqual([several.code, results], [1, ['mailbox', 'nobody', 'nobody', 'host']])
  for (const argv of [[], ['--config', config]]) {
    const { code, out } = await smail('explain', 'a@@b', 'alice@example.test', ...argv)
    assert.deepEqual([code, out.split('\n').slice(0, 1)], [1, ['a@@b: address: refused: Bad domain']])
    assert.match(out, /\nalice@example\.test: users: mailbox /)
  }
  assert.equal((await smail('explain')).code, 64)
  assert.equal((await smail('explain', 'alice@example.test', '--config', join(folder, 'nowhere.yaml'))).code, 78)
  assert.equal((await command('sendmail', ['-bv', 'alice'])).code, 0)
  assert.equal((await command('sendmail', ['-bv', 'nobody', 'alice'])).code, 67)
  assert.equal((await command('sendmail', ['-bv'])).code, 64)
  const alone = await smail('explain', 'x@far.example', '--config', config, '--json')
  assert.equal(JSON.parse(alone.out).by, 'dead')
  const rows: { keyword: string; listeners: object }[] = JSON.parse((await smail('extensions', '--json')).out)
  const row = rows.find(({ keyword }) => keyword === 'DSN')
  assert.deepEqual(row?.listeners, { mx: 'offered' })
})

test('explain judges an alias as RCPT does', async () => {
  const file = join(folder, 'aliases.yaml')
  writeFileSync(join(folder, 'aliases'), 'gone: nobody\nfar: gone\nsome: nobody, alice\nwell: alice\n', { mode: 0o600 })
  const directors = 'directors: { a: { aliases: { file: aliases } }, '
  writeFileSync(file, SETTINGS.replace('directors: { ', directors), { mode: 0o600 })
  for (const [name, code] of Object.entries({ gone: 1, far: 1, some: 0, well: 0 })) {
    const ended = await smail('explain', name, '--config', file)
    assert.equal(ended.code, code, name + ended.out + ended.err)
  }
})

test('a bad reload changes nothing, a good one does', async () => {
  writeFileSync(config, SETTINGS.replace('domains:', 'domians:'))
  const refused = await smail('reload')
  assert.equal(refused.code, 78)
  assert.match(refused.err, /smail\.yaml:3:1 domians: is no setting; did you mean domains\?/)
  server.child.kill('SIGHUP')
  assert.match(String((await server.event('settings-fault'))['fault']), /:3:1 domians: is no setting/)
  await server.event('reload-refused')
  assert.equal((await smail('explain', 'alice@example.test')).code, 0)

  writeFileSync(config, SETTINGS.replace('[alice, bob]', '[alice, bob, carol]'))
  assert.equal((await smail('explain', 'carol@example.test')).code, 1)
  assert.deepEqual(await smail('reload'), { code: 0, out: 'reloaded\n', err: '' })
  assert.equal((await smail('explain', 'carol@example.test')).code, 0)
})

test('a second instance on the same sockets does not start, and leaves the first alone', async () => {
  const second = await smail('run', '--config', config)
  assert.notEqual(second.code, 0)
  assert.match(second.err, /"event":"cannot-start"/)
  assert.equal((await smail('status')).code, 0)
})

test('SIGTERM ends it with 0; what is sent meanwhile is kept and delivered by the next', async () => {
  assert.equal(await server.end('SIGTERM'), 0)
  const nothing = await smail('status')
  assert.equal(nothing.code, 69)
  assert.match(nothing.err, /nothing runs/)
  const smtp = await command('sendmail', ['-bs'])
  assert.deepEqual([smtp.code, smtp.out.slice(0, 4)], [75, '421 '])

  const { code, out } = await command('sendmail', ['-v', 'alice'], 'Subject: later\n\nx\n')
  assert.equal(code, 0)
  const file = /^nothing runs; kept in (.*)\n$/.exec(out)?.[1] ?? ''
  assert.equal(statSync(file).mode & 0o777, 0o600)

  server = new Server()
  const { id } = await server.event('drop-collected')
  await server.event('delivered', { id })
  assert.throws(() => statSync(file))
  assert.ok(maildir('alice').some((mail) => mail.includes('Subject: later')))
})

test('smail stop waits for the end; where mail cannot be kept sendmail says so', async () => {
  const ended = once(server.child, 'exit')
  assert.equal((await smail('stop')).code, 0)
  assert.deepEqual(await ended, [0, null])
  const drop = join(folder, '.local/state/smail/drop')
  rmSync(drop, { recursive: true })
  mkdirSync(join(folder, '.local/state/smail'), { recursive: true })
  writeFileSync(drop, 'in the way')
  const { code, err } = await command('sendmail', ['alice'], 'x\n')
  assert.equal(code, 75)
  assert.match(err, /cannot be kept/)
})

test('check tells all faults with their places, and settings that name what is missing', async () => {
  const bad = join(folder, 'bad.yaml')
  writeFileSync(bad, 'hostnam: x\nlog: { level: loud }\n')
  const ended = await smail('check', '--config', bad)
  assert.equal(ended.code, 78)
  assert.deepEqual(ended.err.split('\n'), [
    `${bad}:1:1 hostnam: is no setting; did you mean hostname?`,
    `${bad}:2:15 log.level: is 'loud'; expected one of debug, info, warn, error`,
    '',
  ])
  assert.deepEqual(JSON.parse((await smail('check', '--config', bad, '--json')).out).faults.length, 2)
  writeFileSync(bad, 'directors: { a: { aliases: { file: not-there } } }\n')
  const missing = await smail('check', '--config', bad)
  assert.equal(missing.code, 78)
  assert.match(missing.err, /not-there/)
  assert.equal((await smail('check', '--config', config)).code, 0)
  assert.equal((await smail('run', '--config', bad)).code, 78)
})

test('check warns of what can have no effect, and finds no fault in it', async () => {
  const idle = join(folder, 'idle.yaml')
  const users = 'directors: { u: { users: { from: { names: [postmaster] } } } }\n'
  writeFileSync(idle, `${users}listen: { a: { lmtp: "127.0.0.1:0", extensions: { dsn: {} } } }\n`)
  const warning = `${idle}:2:51 listen.a.extensions.dsn: warning: has no effect: not by LMTP`
  const ended = await smail('check', '--config', idle)
  assert.deepEqual([ended.code, ended.err, ended.out], [0, `${warning}\n`, `${idle}: no faults\n`])
  const { faults, warnings } = JSON.parse((await smail('check', '--config', idle, '--json')).out)
  assert.deepEqual([faults, warnings], [[], [warning]])
})

test('help and mistakes', async () => {
  const help = await smail('--help')
  assert.equal(help.code, 0)
  for (const word of ['run', 'check', 'explain', 'queue', 'extensions', 'stop', 'reload']) {
    assert.match(help.out, new RegExp(`^  ${word} `, 'm'))
    const own = await smail(word, '--help')
    assert.deepEqual([own.code, own.out.startsWith(`usage: smail ${word}`)], [0, true])
  }
  assert.deepEqual(await smail('rnu'), {
    code: 64,
    out: '',
    err: 'smail: there is no command rnu; did you mean run?\n',
  })
  assert.equal((await smail()).code, 64)
  assert.equal((await smail('check', '--confg', 'x')).code, 64)
  assert.equal((await command('newaliases', [])).code, 0)
})

test('output that found no room is told, with exit 74; a reader that went early is none of our concern', async () => {
  const outcome = async (script: string) => {
    const child = spawn('/bin/sh', ['-c', script, join(bin, 'smail')], { env: { ...env, NODE: process.execPath } })
    const err = gathered(child.stderr)
    const [code] = await once(child, 'close')
    return [code, err()]
  }
  assert.deepEqual(await outcome('printf "Subject: x\\n\\n" | "$NODE" "$0" convert --to 7bit >/dev/full'), [
    74,
    'smail: standard output: ENOSPC: no space left on device, write\n',
  ])
  assert.deepEqual(await outcome('{ "$NODE" "$0" settings; echo $? >&2; } | true'), [0, '0\n'])
})

const old = ['/usr/bin/node', '/usr/local/bin/node']
const versionOf = async (node: string): Promise<number> => {
  const child = spawn(node, ['--version']).on('error', () => {})
  let text = ''
  child.stdout?.on('data', (chunk) => (text += chunk))
  await once(child, 'close').catch(() => {})
  return Number(/^v(\d+)/.exec(text)?.[1] ?? Number.POSITIVE_INFINITY)
}

test('an older Node goes on with the one that npm installed', async (t) => {
  for (const node of old) {
    if ((await versionOf(node)) >= 24) continue
    const ended = await spawned('smail', ['check', '--config', config], '', node)
    assert.deepEqual([ended.code, ended.err], [0, ''])
    return
  }
  t.skip('there is no older Node here')
})
