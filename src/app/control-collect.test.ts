import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { keptLog } from '../../test/doubles/kept-log.ts'
import { refuse } from '../mail/reply.ts'
import { dropCollector } from './control-collect.ts'

const root = mkdtempSync(join(tmpdir(), 'smail-collect-'))
after(() => rmSync(root, { recursive: true }))
let folders = 0
const folder = () => {
  const path = join(root, `d${++folders}`)
  mkdirSync(path)
  return path
}

const DROP = `${JSON.stringify({ do: 'submit', sender: 'a@b.example', params: {}, recipients: [{ address: 'alice' }] })}\n`

/** A collector of this folder, whose log and bodies a test can read. */
const collector = (directory: string, refusal: () => void = () => {}) => {
  const log = keptLog()
  const bodies: string[] = []
  const drops = dropCollector({
    directory,
    log,
    async submit(_mail, body) {
      refusal()
      const chunks: Uint8Array[] = []
      for await (const chunk of body) chunks.push(chunk)
      bodies.push(Buffer.concat(chunks).toString())
      return { id: 'q1' }
    },
  })
  return {
    log,
    bodies,
    collect: () => drops.collect(),
    told: () => log.events.map(({ event, fields }) => `${event} ${fields['file']}`),
  }
}

test('something in the way of what is set aside is left as it is, and the file is not tried again', async () => {
  const directory = folder()
  writeFileSync(join(directory, 'i.mail'), 'no envelope\n')
  mkdirSync(join(directory, 'i.mail.refused'))
  writeFileSync(join(directory, 'i.mail.refused', 'x'), '')
  writeFileSync(join(directory, 'j.mail'), 'no envelope either\n')
  writeFileSync(join(directory, 'j.mail.refused'), 'of an earlier day')
  const { log, collect } = collector(directory)
  for (let round = 0; round < 3; round++) assert.equal(await collect(), 0)
  assert.equal(log.events.length, 2)
  const names = log.named('drop-refused').map(({ file }) => String(file))
  assert.match(names.join(' '), /^i\.mail\.refused-\w{8} j\.mail\.refused-\w{8}$/)
  assert.deepEqual(
    names.map((name) => readFileSync(join(directory, name), 'utf8')),
    ['no envelope\n', 'no envelope either\n'],
  )
  assert.equal(readFileSync(join(directory, 'j.mail.refused'), 'utf8'), 'of an earlier day')
  assert.ok(existsSync(join(directory, 'i.mail.refused', 'x')))
})

test('links, pipes, sockets and folders are set aside, and what they lead to is neither read nor changed', async () => {
  const directory = folder()
  const secret = join(root, 'secret')
  writeFileSync(secret, `${DROP}secret`)
  chmodSync(secret, 0o600)
  symlinkSync(secret, join(directory, '1.mail'))
  symlinkSync('2.mail', join(directory, '2.mail'))
  linkSync(secret, join(directory, '3.mail'))
  execFileSync('mkfifo', [join(directory, '4.mail')])
  mkdirSync(join(directory, '5.mail'))
  writeFileSync(join(directory, '5.mail', 'x'), '')
  const server = createServer().listen(join(directory, '6.mail'))
  await new Promise((resolve) => server.once('listening', resolve))
  for (const n of [1, 3, 4, 6]) {
    mkdirSync(join(directory, `${n}.mail.refused`))
    writeFileSync(join(directory, `${n}.mail.refused`, 'x'), '')
  }
  const { log, bodies, collect } = collector(directory)
  for (let round = 0; round < 3; round++) assert.equal(await collect(), 0)
  server.close()
  assert.deepEqual(bodies, [])
  assert.equal(log.events.length, 6)
  assert.ok(log.named('drop-refused').every(({ why }) => /regular file/.test(String(why))))
  assert.deepEqual(
    readdirSync(directory).filter((name) => name.endsWith('.mail')),
    [],
  )
  assert.equal(readFileSync(secret, 'utf8'), `${DROP}secret`)
})

test('what cannot be set aside is told once, and looked at again when it has changed', async () => {
  const directory = folder()
  // With `.refused` behind it the name is longer than names may be.
  const name = `${'x'.repeat(245)}.mail`
  const path = join(directory, name)
  let asked = 0
  const { log, collect, told } = collector(directory, () => {
    asked++
    refuse(550, '5.1.1', 'Nobody')
  })
  writeFileSync(path, `${DROP}one`)
  for (let round = 0; round < 3; round++) await collect()
  assert.deepEqual([asked, told()], [1, [`drop-stuck ${name}`]])
  assert.match(String(log.events[0]?.fields['why']), /^550 5\.1\.1 Nobody; it cannot be set aside: ENAMETOOLONG/)
  writeFileSync(join(directory, 'new'), `${DROP}another`)
  renameSync(join(directory, 'new'), path)
  for (let round = 0; round < 3; round++) await collect()
  assert.deepEqual([asked, told().length], [2, 2])
  rmSync(path)
  await collect()
  writeFileSync(path, `${DROP}one`)
  await collect()
  assert.deepEqual([asked, told().length], [3, 3])
})

test('what waits is tried each time and told once', async () => {
  const directory = folder()
  writeFileSync(join(directory, '1.mail'), `${DROP}body`)
  let full = true
  const { bodies, collect, told } = collector(directory, () => {
    if (full) refuse(452, '4.3.1', 'Full')
  })
  for (let round = 0; round < 3; round++) assert.equal(await collect(), 0)
  assert.deepEqual(told(), ['drop-waits 1.mail'])
  full = false
  assert.equal(await collect(), 1)
  assert.deepEqual(bodies, ['body'])
  assert.deepEqual(told(), ['drop-waits 1.mail', 'drop-collected 1.mail'])
})

/** Without the rights that root has over all files. */
const asNobody = async (run: () => Promise<void>): Promise<void> => {
  const root = process.getuid?.() === 0
  try {
    if (root) process.seteuid?.(65534)
    await run()
  } finally {
    if (root) process.seteuid?.(0)
  }
}

test('a file that was taken and cannot be removed is not taken again before it changes', async () => {
  const directory = folder()
  chmodSync(root, 0o755)
  writeFileSync(join(directory, '1.mail'), `${DROP}body`, { mode: 0o644 })
  writeFileSync(join(directory, '2.mail'), 'no envelope\n', { mode: 0o644 })
  chmodSync(directory, 0o555)
  const { log, bodies, collect, told } = collector(directory)
  await asNobody(async () => {
    assert.equal(await collect(), 1)
    for (let round = 0; round < 3; round++) assert.equal(await collect(), 0)
  })
  chmodSync(directory, 0o755)
  assert.deepEqual(bodies, ['body'])
  assert.deepEqual(told(), ['drop-not-removed 1.mail', 'drop-collected 1.mail', 'drop-stuck 2.mail'])
  assert.match(String(log.events[2]?.fields['why']), /; it cannot be set aside: EACCES/)
})

test('a folder that cannot be read is told once', async () => {
  const directory = join(root, 'file')
  writeFileSync(directory, '')
  const { collect, told } = collector(directory)
  for (let round = 0; round < 3; round++) assert.equal(await collect(), 0)
  assert.deepEqual(told(), ['drop-directory-unreadable undefined'])
})
