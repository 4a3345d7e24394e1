import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
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
