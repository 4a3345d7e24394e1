import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Ended, type Mail, openDialogue, sendMail } from './system-client.ts'
import { makeHost } from './system-sink.ts'
import { onStage } from './system-stage.ts'

const mailTo = (to: string, subject = 'hello'): Mail => ({
  from: 'sender@client.test',
  to: [to],
  body: `Subject: ${subject}\r\n\r\nHello\r\n`,
})

const seen = ({ body }: Mail): string => body.replaceAll('\r\n', '\n')

test('a transport with bugs parks the mail that meets them, and nobody else waits for it', () =>
  onStage(
    async ({ site, process }) => {
      const mta = process({ broken: ['throwing-transports.ts', 'app/transports.ts'] })
      const port = await mta.start({ settings: site.settings, log: site.log })
      const [before, after] = [mailTo('bob@home.test', 'before'), mailTo('bob@home.test', 'after')]
      const bugs = ['throws', 'rejects', 'forgets'].map((user) => mailTo(`${user}@home.test`))
      const replies = await sendMail(port, [before, ...bugs])
      for (const reply of replies) assert.match(reply ?? '', /^250 /)
      await mta.ask({ do: 'settled' })
      assert.match((await sendMail(port, [after]))[0] ?? '', /^250 /)
      await mta.ask({ do: 'settled' })
      assert.deepEqual(site.mailbox('bob').toSorted(), [seen(after), seen(before)])
      await mta.leave()
      assert.deepEqual(
        site.waiting().map(({ address, fate }) => [address, fate]),
        [
          ['throws@home.test', 2],
          ['rejects@home.test', 2],
          ['forgets@home.test', 2],
        ],
      )
    },
    { users: ['bob', 'throws', 'rejects', 'forgets'], queue: '{ delay-warning: never }' },
  ))

test('a director with bugs puts off the addresses that meet them, and the session goes on', () =>
  onStage(async ({ site, process }) => {
    const mta = process({ broken: ['throwing-directors.ts', 'app/directors.ts'] })
    const port = await mta.start({ settings: site.settings, log: site.log })
    const session = await openDialogue(port)
    await session.say('EHLO client.test')
    await session.say('MAIL FROM:<sender@client.test>')
    for (const user of ['throws', 'rejects']) assert.match(await session.say(`RCPT TO:<${user}@home.test>`), /^451 /)
    assert.match(await session.say('RCPT TO:<bob@home.test>'), /^250 /)
    assert.match(await session.say('DATA'), /^354 /)
    assert.match(await session.say('Subject: hello\r\n\r\nHello\r\n.'), /^250 /)
    session.close()
    await mta.ask({ do: 'empty' })
    assert.deepEqual(site.mailbox('bob'), [seen(mailTo('bob@home.test'))])
    await mta.leave()
  }))

test('a spool with bugs is answered with 451, and the next mail is taken', () =>
  onStage(async ({ site, process }) => {
    const mta = process({ broken: ['throwing-sqlite.ts', 'spool/sqlite.ts'] })
    const port = await mta.start({ settings: site.settings, log: site.log })
    const mails = Array.from({ length: 5 }, (_, i) => mailTo('bob@home.test', String(i)))
    const replies = await sendMail(port, mails)
    assert.deepEqual(
      replies.map((reply) => reply?.slice(0, 4)),
      ['451 ', '451 ', '451 ', '451 ', '250 '],
    )
    await mta.ask({ do: 'empty' })
    assert.deepEqual(site.mailbox('bob'), mails.slice(4).map(seen))
    await mta.leave()
  }))

test('an exception that nobody caught ends the program, but not the mail that is just coming in', () =>
  onStage(async ({ site }) => {
    const file = join(site.folder, 'smail.yaml')
    writeFileSync(file, site.text, { mode: 0o600 })
    const root = fileURLToPath(new URL('../../', import.meta.url))
    const bug = new URL('./points/throw-on-signal.ts', import.meta.url).href
    const program = () => {
      const child = spawn(process.execPath, ['--import', bug, join(root, 'bin/smail'), 'run', '--config', file], {
        env: { ...process.env, HOME: site.folder, XDG_STATE_HOME: undefined, XDG_RUNTIME_DIR: undefined },
        stdio: ['ignore', 'ignore', 'pipe'],
      })
      const lines: string[] = []
      const reading = createInterface({ input: child.stderr })
      reading.on('line', (line) => lines.push(line))
      /** The next line that tells of an event. */
      const told = async (event: string): Promise<string> => {
        for (;;) {
          const line = lines.find((one) => one.includes(`"event":"${event}"`))
          if (line !== undefined) return line
          await once(reading, 'line')
        }
      }
      return { child, told, ended: once(child, 'exit') }
    }
    const portOf = (started: string): number => Number(/127\.0\.0\.1:(\d+)/.exec(started)?.[1])

    const first = program()
    try {
      const port = portOf(await first.told('started'))
      const session = await openDialogue(port)
      for (const line of ['EHLO client.test', 'MAIL FROM:<sender@client.test>', 'RCPT TO:<bob@home.test>', 'DATA'])
        await session.say(line)
      session.write('Subject: hello\r\n\r\nHe')
      first.child.kill('SIGUSR2')
      assert.match(await first.told('fault'), /a bug in a timer/)
      await first.told('draining')
      await assert.rejects(openDialogue(port), Ended)
      assert.match(await session.say('llo\r\n.'), /^250 /)
      const [code] = await first.ended
      assert.equal(code, 70)
      session.close()
    } finally {
      first.child.kill('SIGKILL')
    }

    const second = program()
    try {
      await second.told('started')
      if (site.mailbox('bob').length === 0) await second.told('delivered')
      assert.deepEqual(site.mailbox('bob'), [seen(mailTo('bob@home.test'))])
      second.child.kill('SIGTERM')
      assert.deepEqual(await second.ended, [0, null])
    } finally {
      second.child.kill('SIGKILL')
    }
  }))

/** Whether a connection that was made was also greeted; false when it was closed instead. */
const greeted = (socket: Socket): Promise<boolean> =>
  new Promise((resolve) => {
    socket.once('data', () => resolve(true)).once('close', () => resolve(false))
  })

test('without file descriptors mail is put off, and all goes on once there are some', () =>
  onStage(async ({ site, process }) => {
    const mta = process({ descriptors: 60 })
    const port = await mta.start({ settings: site.settings, log: site.log })
    const session = await openDialogue(port)
    await session.say('EHLO client.test')
    const send = async (mail: Mail): Promise<string> => {
      for (const line of [`MAIL FROM:<${mail.from}>`, `RCPT TO:<${mail.to[0]}>`, 'DATA']) await session.say(line)
      return session.say(`${mail.body}.`)
    }
    const first = mailTo('bob@home.test', 'first')
    assert.match(await send(first), /^250 /)
    await mta.ask({ do: 'logged', event: 'delivered', times: 1 })

    const crowd = Array.from({ length: 100 }, () => connect({ host: '127.0.0.1', port }).on('error', () => {}))
    const greetings = await Promise.all(crowd.map(greeted))
    assert.ok(greetings.includes(true) && greetings.includes(false))
    const small = mailTo('bob@home.test', 'small')
    assert.match(await send(small), /^250 /)
    const large = { ...small, body: `Subject: large\r\n\r\n${'large\r\n'.repeat(30_000)}` }
    assert.match(await send(large), /^451 4\.3\.0 /)
    await mta.ask({ do: 'logged', event: 'deferred', times: 1 })

    const gone = crowd.filter(({ closed }) => !closed).map((socket) => once(socket, 'close'))
    for (const socket of crowd) socket.destroy()
    await Promise.all(gone)
    // Until it has noticed that they are gone.
    let reply = await send(large)
    while (reply.startsWith('451')) reply = await send(large)
    assert.match(reply, /^250 /)
    session.close()
    await mta.ask({ do: 'settled' })
    assert.deepEqual(site.mailbox('bob').toSorted(), [first, large, small].map(seen).toSorted())
    await mta.leave()
  }))

const YEAR = 365 * 86_400_000

for (const { what, skew, restsOn } of [
  { what: 'a year ahead, and right again', skew: YEAR, restsOn: true },
  { what: 'a year behind, and right again', skew: -YEAR, restsOn: false },
])
  test(`a clock that was ${what}: mail that waits is delivered`, () =>
    onStage(async ({ host, site, process }) => {
      await host.close()
      const first = process({ trace: join(site.folder, 'trace') })
      const port = await first.start({ settings: site.settings, log: site.log, skew })
      const relayed = mailTo('host@elsewhere.test', 'relayed')
      assert.match((await sendMail(port, [relayed]))[0] ?? '', /^250 /)
      await first.ask({ do: 'logged', event: 'deferred', times: 1 })
      await first.ask({ do: 'arm', point: 'local deliver: before #1' })
      const local = mailTo('bob@home.test', 'local')
      assert.match((await sendMail(port, [local]))[0] ?? '', /^250 /)
      assert.equal(await first.ended, 'SIGKILL')
      assert.equal(site.waiting().length, 2)

      const back = await makeHost(host.port)
      try {
        const second = process()
        await second.start({ settings: site.settings, log: site.log })
        // Of what waits nothing may be tried later than its destination's longest rest.
        await second.ask({ do: 'logged', event: 'delivered', times: restsOn ? 1 : 2 })
        if (restsOn) await second.ask({ do: 'forward', ms: 30 * 60_000 })
        await second.ask({ do: 'empty' })
        assert.deepEqual(site.mailbox('bob'), [seen(local)])
        assert.deepEqual(back.taken('host@elsewhere.test'), [seen(relayed)])
        await second.leave()
      } finally {
        await back.close()
      }
    }))
