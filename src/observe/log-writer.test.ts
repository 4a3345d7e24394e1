import assert from 'node:assert/strict'
import { PassThrough, Writable } from 'node:stream'
import { test } from 'node:test'
import { lineWriter } from './log-writer.ts'

test('a broken stream swallows lines and nothing is thrown', async () => {
  const broken = new Writable({ write: (_chunk, _encoding, done) => done(new Error('EPIPE')) })
  const closed = new Promise((resolve) => broken.once('close', resolve))
  const write = lineWriter(broken)
  write('a\n')
  await closed
  write('b\n')
  write('c\n')
})

test('a reader that stalls costs bounded memory and hears how many lines it missed', () => {
  const stream = new PassThrough({ highWaterMark: 1 })
  const write = lineWriter(stream)
  const line = `${'x'.repeat(1023)}\n`
  for (let i = 0; i < 10_000; i++) write(line)
  assert.ok(stream.writableLength + stream.readableLength < 6 * 1024 * 1024)
  let text = ''
  stream.setEncoding('utf8')
  for (let chunk = stream.read(); chunk !== null; chunk = stream.read()) text += chunk
  const got = text.split('\n').length - 1
  write('last\n')
  for (let chunk = stream.read(); chunk !== null; chunk = stream.read()) text += chunk
  const told = /"lines":(\d+)/.exec(text)?.[1]
  assert.equal(got + Number(told), 10_000)
  assert.ok(text.endsWith('last\n'))
})
