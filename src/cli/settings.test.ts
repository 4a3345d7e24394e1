import assert from 'node:assert/strict'
import { PassThrough, Readable } from 'node:stream'
import { test } from 'node:test'
import { main } from './main.ts'

const settings = async (...words: string[]): Promise<{ code: number; out: string; err: string }> => {
  const [stdout, stderr] = [new PassThrough({ highWaterMark: 2 ** 24 }), new PassThrough()]
  const env = { HOME: '/home/jo' }
  const code = await main('smail', ['settings', ...words], { stdin: Readable.from([]), stdout, stderr, env })
  return { code, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') }
}

test('what can be set is printed, all of it or what is asked for', async () => {
  assert.deepEqual(await settings('queue.backoff.max'), {
    code: 0,
    out: [
      'queue.backoff.max',
      '  Between later attempts at most.',
      '  value:    a time, as 90s or 5d, at least 1s',
      '  default:  4000s',
      "  wrong:    '?' is no time; expected a number with ms, s, m, h, d or w, as in 90s or 5d",
      '  change:   restart',
      '',
    ].join('\n'),
    err: '',
  })
  const all = (await settings()).out
  assert.match(all, /^hostname\n/)
  for (const key of ['listen.NAME.smtp', 'extensions.expn.allow', 'dns.timeout']) assert.ok(all.includes(`\n${key}\n`))
  const section = (await settings('control', 'drop')).out.match(/^\S+$/gm)
  assert.deepEqual(section, [
    'control',
    'control.socket',
    'control.mode',
    'control.submission',
    'drop',
    'drop.directory',
  ])
  assert.match((await settings('drop.directory')).out, /default: {2}\/home\/jo\/\.local\/state\/smail\/drop\n/)
})

test('names of one’s own stand where the reference has capitals', async () => {
  const { out } = await settings('directors.mine.users.from', 'transports.out.smtp.tls')
  assert.deepEqual(out.match(/^\S+$/gm), [
    'directors.NAME.users.from',
    'directors.NAME.users.from.names',
    'transports.NAME.smtp.tls',
  ])
})

test('for programs, and for who mistypes', async () => {
  const [row, ...more] = JSON.parse((await settings('--json', 'log.level')).out)
  assert.deepEqual([row.key, row.change, more], ['log.level', 'restart', []])
  assert.deepEqual(await settings('queue.lifetme'), {
    code: 64,
    out: '',
    err: 'smail: there is no setting queue.lifetme; did you mean queue.lifetime?\n',
  })
  assert.match((await settings('x\x1by')).err, /no setting x\\x1by; smail settings lists them all\n$/)
})
