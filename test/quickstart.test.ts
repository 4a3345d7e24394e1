import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { createTransport } from 'nodemailer'

const bin = (name: string): string => join(import.meta.dirname, '../bin', name)

test('the quickstart keeps a first message for alice, takes mail from those who log in and for nobody else, and ends with 0', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'smail-quickstart-'))
  t.after(() => rmSync(root, { recursive: true }))
  const folder = join(root, 'examples/quickstart')
  cpSync('examples/quickstart', folder, { recursive: true })
  const config = join(folder, 'smail.yaml')
  // The ports alone are others: somebody may be trying the real one on this machine.
  writeFileSync(config, readFileSync(config, 'utf8').replaceAll(/(?<=127\.0\.0\.1:)\d+/g, '0'))
  const arrivals = join(root, 'var/mail/alice/Maildir/new')
  mkdirSync(arrivals, { recursive: true, mode: 0o700 })
  const watcher = watch(arrivals)
  t.after(() => watcher.close())
  const arrived = once(watcher, 'change')

  const env = { PATH: process.env['PATH'], HOME: root }
  const server = spawn(process.execPath, [bin('smail'), 'run', '--config', config], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  t.after(() => server.kill('SIGKILL'))
  const listeners = await new Promise<string>((resolve, reject) => {
    createInterface({ input: server.stderr }).on('line', (line) => {
      if (line.includes('"event":"started"')) resolve(line)
    })
    server.once('exit', (code) => reject(new Error(`it ended with ${code}`)))
  })
  const [, port = ''] = /"mx=127\.0\.0\.1:(\d+)"/.exec(listeners) ?? []
  const run = promisify(execFile)
  const sent = await run(process.execPath, ['examples/library/send.ts', '127.0.0.1', port, 'alice@example.test'])
  assert.match(sent.stdout, /^250 .*queued as \w+\n$/)
  await arrived
  const [name = ''] = readdirSync(arrivals)
  assert.match(readFileSync(join(arrivals, name), 'utf8'), /^Return-Path: <[\s\S]*Subject: hello\n/)

  // For those who log in, and for nobody else.
  const [, submission = ''] = /"submission=127\.0\.0\.1:(\d+)"/.exec(listeners) ?? []
  const submits = async (to: string, auth?: { user: string; pass: string }) => {
    const transport = createTransport({
      host: '127.0.0.1',
      port: Number(submission),
      requireTLS: true,
      tls: { rejectUnauthorized: false },
      ...(auth ? { auth } : {}),
    })
    try {
      await transport.sendMail({ envelope: { from: 'bob@example.test', to }, raw: 'Subject: mine\r\n\r\nx\r\n' })
    } finally {
      transport.close()
    }
  }
  await submits('alice@example.test', { user: 'bob', pass: 'builder' })
  await assert.rejects(submits('alice@example.test'), /530 5\.7\.0/)
  await assert.rejects(submits('somebody@example.org', { user: 'bob', pass: 'wonderland' }), /535 5\.7\.8/)

  const mailq = async () => (await run(process.execPath, [bin('mailq'), '-C', config], { env })).stdout
  // It is in the mailbox a moment before that is settled.
  let listed = await mailq()
  while (listed !== 'Mail queue is empty\n') listed = await mailq()
  server.kill('SIGTERM')
  const [code] = await once(server, 'exit')
  assert.equal(code, 0)
})
