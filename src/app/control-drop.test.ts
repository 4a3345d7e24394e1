import assert from 'node:assert/strict'
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { refuse } from '../mail/reply.ts'
import { silentLog } from '../observe/log.ts'
import { dropCollector } from './control-collect.ts'
import { dropMail } from './control-drop.ts'
import type { Submission } from './mta.ts'

const root = mkdtempSync(join(tmpdir(), 'smail-drop-'))
after(() => rmSync(root, { recursive: true }))
let folders = 0
const folder = () => join(root, `d${++folders}`)

const envelope = { sender: 'a@b.example', params: {}, recipients: [{ address: 'alice', params: {} }] }
async function* content(...parts: readonly string[]) {
  for (const part of parts) yield Buffer.from(part)
}

const collecting = (directory: string, refusal?: () => never) => {
  const taken: { mail: Submission; body: string }[] = []
  const submit = async (mail: Submission, body: AsyncIterable<Uint8Array>) => {
    refusal?.()
    const chunks: Uint8Array[] = []
    for await (const chunk of body) chunks.push(chunk)
    taken.push({ mail, body: Buffer.concat(chunks).toString() })
    return { id: 'q1' }
  }
  return { taken, collect: () => dropCollector({ directory, log: silentLog, submit }).collect() }
}

test('what is dropped is collected once, with whoever owns the file', async () => {
  const directory = folder()
  await dropMail(directory, envelope, content('Subject: x\r\n', '\r\nbody\r\n'), { name: '2', shared: false })
  await dropMail(directory, { ...envelope, user: 'someone else' }, content('y'.repeat(200_000)), {
    name: '1',
    shared: false,
  })
  assert.equal(statSync(join(directory, '1.mail')).mode & 0o777, 0o600)
  const { taken, collect } = collecting(directory)
  assert.equal(await collect(), 2)
  assert.equal(await collect(), 0)
  assert.deepEqual(readdirSync(directory), [])
  assert.deepEqual(
    taken.map(({ body }) => body.length),
    [200_000, 20],
  )
  assert.deepEqual(taken[1]?.mail, {
    sender: { local: 'a', domain: 'b.example' },
    params: {},
    recipients: [{ address: { local: 'alice', domain: '' }, params: {} }],
    user: `uid ${process.getuid?.()}`,
  })
  assert.equal(taken[0]?.mail.user, `uid ${process.getuid?.()}`)
})

test('a body that breaks off leaves nothing', async () => {
  const directory = folder()
  const broken = async function* () {
    yield Buffer.from('half')
    throw new Error('input broke')
  }
  await assert.rejects(dropMail(directory, envelope, broken(), { name: '1', shared: false }), /input broke/)
  assert.deepEqual(readdirSync(directory), [])
})

test('refused for now stays, refused for good is set aside, and neither is lost', async () => {
  const directory = folder()
  await dropMail(directory, envelope, content('x'), { name: '1', shared: false })
  assert.equal(await collecting(directory, () => refuse(452, '4.3.1', 'Full')).collect(), 0)
  assert.deepEqual(readdirSync(directory), ['1.mail'])
  assert.equal(await collecting(directory, () => refuse(550, '5.1.1', 'Nobody')).collect(), 0)
  assert.deepEqual(readdirSync(directory), ['1.mail.refused'])
  assert.match(readFileSync(join(directory, '1.mail.refused'), 'utf8'), /^\{"do":"submit".*\}\nx$/)
})

test('a fault of ours leaves the file for next time', async () => {
  const directory = folder()
  await dropMail(directory, envelope, content('x'), { name: '1', shared: false })
  const fault = (): never => {
    throw new Error('disk')
  }
  assert.equal(await collecting(directory, fault).collect(), 0)
  assert.deepEqual(readdirSync(directory), ['1.mail'])
})

test('what is no drop is set aside: links, second names, nonsense, unfinished files are left alone', async () => {
  const directory = folder()
  await dropMail(directory, envelope, content('good'), { name: '5', shared: false })
  const secret = join(root, 'secret')
  writeFileSync(secret, `${JSON.stringify({ do: 'submit', ...envelope })}\nsecret`)
  symlinkSync(secret, join(directory, '1.mail'))
  linkSync(secret, join(directory, '2.mail'))
  writeFileSync(join(directory, '3.mail'), 'no envelope\n')
  writeFileSync(join(directory, '4.mail'), '')
  writeFileSync(join(directory, '4b.mail'), '{"do":"stop"}\n')
  writeFileSync(join(directory, '6.part'), 'unfinished')
  const { taken, collect } = collecting(directory)
  assert.equal(await collect(), 1)
  assert.deepEqual(
    taken.map(({ body }) => body),
    ['good'],
  )
  assert.deepEqual(readdirSync(directory).sort(), [
    '1.mail.refused',
    '2.mail.refused',
    '3.mail.refused',
    '4.mail.refused',
    '4b.mail.refused',
    '6.part',
  ])
})

test('a folder that is not there holds nothing', async () => {
  assert.equal(await collecting(folder()).collect(), 0)
})

test('what is left in the folder of another is readable to them, and the folder is not made', async () => {
  const directory = folder()
  await assert.rejects(dropMail(directory, envelope, content('x'), { name: '1', shared: true }), /ENOENT/)
  mkdirSync(directory)
  await dropMail(directory, envelope, content('x'), { name: '1', shared: true })
  assert.equal(statSync(join(directory, '1.mail')).mode & 0o777, 0o644)
})
