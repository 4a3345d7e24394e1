import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Fields, Level, Log } from './log.ts'
import { jsonLog, type LinesOptions, prettyLog } from './log-lines.ts'

const clock = { now: () => Date.UTC(2026, 0, 2, 3, 4, 5, 6) }

const written = (
  make: (write: (line: string) => void, options: LinesOptions) => Log,
  options: Partial<LinesOptions> = {},
) => {
  const lines: string[] = []
  return { log: make((line) => lines.push(line), { clock, ...options }), lines }
}

test('an event is one line of JSON, what is undefined left out', () => {
  const { log, lines } = written(jsonLog)
  log.event('info', 'accepted', { id: 'q1', size: 12, tls: true, to: ['a', 'b'], from: undefined })
  assert.deepEqual(lines, [
    '{"time":"2026-01-02T03:04:05.006Z","level":"info","event":"accepted","id":"q1","size":12,"tls":true,"to":["a","b"]}\n',
  ])
})

test('fields cannot pass for what the line itself says', () => {
  const { log, lines } = written(jsonLog)
  log.event('warn', 'x', { event: 'y', level: 'error', time: 'z', toString: 't' })
  assert.deepEqual(JSON.parse(lines[0] ?? ''), {
    time: '2026-01-02T03:04:05.006Z',
    level: 'warn',
    event: 'x',
    toString: 't',
  })
})

test('levels below the least are not written', () => {
  for (const least of ['debug', 'info', 'warn', 'error'] as const) {
    const { log, lines } = written(jsonLog, { least })
    const levels: Level[] = ['debug', 'info', 'warn', 'error']
    for (const level of levels) log.event(level, 'x')
    assert.equal(lines.length, levels.length - levels.indexOf(least))
  }
})

test('the pretty line has the id in front and quotes what has spaces', () => {
  const { log, lines } = written((write, options) => prettyLog(write, false, options))
  log.event('info', 'delivered', { to: 'a@b.example', id: 'q1', says: '250 2.0.0 Ok', empty: '', many: ['x', 'y z'] })
  assert.match(
    lines[0] ?? '',
    /^\d\d:\d\d:05\.006 info {2}delivered q1 to=a@b\.example says="250 2\.0\.0 Ok" empty="" many=\[x "y z"\]\n$/,
  )
})

test('colour is there only where it is asked for', () => {
  const paint = (colour: boolean) => {
    const { log, lines } = written((write, options) => prettyLog(write, colour, options))
    log.event('error', 'x', { id: 'q' })
    return lines.join('')
  }
  assert.ok(paint(true).includes('\x1b[31m'))
  assert.ok(!paint(false).includes('\x1b'))
})

test('whatever a peer sends, an event stays one printable line, and JSON gives it back', () => {
  const text = fc.string({ unit: 'binary', maxLength: 40 })
  fc.assert(
    fc.property(text, fc.dictionary(text, fc.oneof(text, fc.array(text), fc.integer())), (event, fields: Fields) => {
      for (const make of [jsonLog, (w: (l: string) => void, o: LinesOptions) => prettyLog(w, false, o)]) {
        const { log, lines } = written(make)
        log.event('info', event, fields)
        assert.equal(lines.length, 1)
        assert.match(lines[0] ?? '', /^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*\n$/)
        if (make === jsonLog) {
          const back = JSON.parse(lines[0] ?? '')
          assert.equal(back.event, event.toWellFormed())
        }
      }
    }),
    { numRuns: 100 },
  )
})

test('long values are cut, so a line has a bound', () => {
  const { log, lines } = written(jsonLog)
  log.event('info', 'x', { long: 'y'.repeat(1e6), list: Array.from({ length: 1000 }, () => 'z') })
  assert.ok((lines[0] ?? '').length < 6000)
  assert.match(lines[0] ?? '', /… 900 more/)
})

test('a write that fails is nobody else’s trouble', () => {
  const log = jsonLog(
    () => {
      throw new Error('EPIPE')
    },
    { clock },
  )
  log.event('info', 'x')
  jsonLog(() => assert.fail('written'), { clock: { now: () => Number.NaN } }).event('info', 'x')
})
