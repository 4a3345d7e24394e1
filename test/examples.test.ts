import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { promisify } from 'node:util'

test('the library examples send to each other', async (t) => {
  const server = spawn(process.execPath, ['examples/library/receive.ts'], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => server.kill('SIGKILL'))
  const lines = createInterface({ input: server.stdout })[Symbol.asyncIterator]()
  const port = String((await lines.next()).value)
  const sent = await promisify(execFile)(process.execPath, [
    'examples/library/send.ts',
    '127.0.0.1',
    port,
    'carol@example.org',
  ])
  assert.equal(sent.stdout, '250 Seen\n')
  assert.equal((await lines.next()).value, '<me@my.example> to <carol@example.org>')
  assert.equal((await lines.next()).value, 'Subject: hello')
  server.kill('SIGTERM')
  const [code] = await once(server, 'exit')
  assert.equal(code, 0)
})

/** How an example ends, by its arguments. */
const ended = (name: string, ...words: string[]): Promise<{ code: unknown; out: string; err: string }> =>
  promisify(execFile)(process.execPath, [`examples/library/${name}.ts`, ...words]).then(
    ({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }),
    ({ code, stdout, stderr }) => ({ code, out: stdout, err: stderr }),
  )

test('what goes wrong in an example is one line, and exit code 1', async (t) => {
  const greetings = ['554 5.7.1 Not you\r\n', '220 mx.example ESMTP\r\n']
  const server = createServer((socket) => {
    socket.on('error', () => {}).write(greetings.shift() ?? '421 no more\r\n')
    socket.on('data', (line) => {
      const verb = String(line).slice(0, 4)
      socket.write(verb === 'RCPT' ? '550 No such user\r\n' : verb === 'QUIT' ? '221 Bye\r\n' : '250 Fine\r\n')
    })
  }).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const found = server.address()
  const port = String(typeof found === 'object' && found ? found.port : 0)
  const told: [says: RegExp, name: string, ...words: string[]][] = [
    [/^send: 127\.0\.0\.1 port 1: 127\.0\.0\.1:1: ECONNREFUSED\n$/, 'send', '127.0.0.1', '1'],
    [/^send: 127\.0\.0\.1 port \d+: .*Not you\n$/, 'send', '127.0.0.1', port],
    [/^receive: .*EADDRINUSE.*\n$/, 'receive', port],
    [/^receive: .*port.*\n$/, 'receive', 'http'],
  ]
  for (const [says, name, ...words] of told) {
    const { code, err } = await ended(name, ...words)
    assert.deepEqual([code, says.test(err)], [1, true], err)
  }
  const refused = await ended('send', '127.0.0.1', port, 'nobody@example.org')
  assert.deepEqual(refused, { code: 1, out: '550 No such user\n', err: '' })
})

test('the page about extensions shows the example that is run in test/systems/modules.yaml', () => {
  const [, shown] = /```ts\n([\s\S]*?)```/.exec(readFileSync('docs/extensions.md', 'utf8')) ?? []
  assert.equal(shown, readFileSync('examples/extension/x-ticket.ts', 'utf8'))
})
