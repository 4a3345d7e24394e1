import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { test } from 'node:test'

/** A program that lives by `untilEnd`, tells what happens to its MTA, and meets what `then` does to it. */
const program = (drain: string, then: string): string => `
  import { untilEnd } from ${JSON.stringify(new URL('lifetime.ts', import.meta.url).href)}
  const say = (text) => console.log(text)
  let now = 0
  const clock = { now: () => now, after: () => ({ cancel() {} }) }
  const log = { event: (level, event) => say(event) }
  const mta = { drain: async () => { say('drain'); ${drain} }, stop: async () => say('stop') }
  const ending = untilEnd({ clock, log, drain: 60_000 })
  const alive = setInterval(() => {}, 1000)
  const code = ending.of(mta, async () => say('reload'), async () => say('around'))
  say('ready')
  ${then}
  process.exitCode = await code
  clearInterval(alive)
  ending.forget()
`

/** Runs it; `onLine` may answer a line with a signal. */
const outcome = async (source: string, onLine: (line: string) => NodeJS.Signals | undefined = () => undefined) => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines: string[] = []
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line)
    const signal = onLine(line)
    if (signal) child.kill(signal)
  })
  const [code] = await once(child, 'close')
  return { code, lines }
}

test('a signal drains and ends with 0', async () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const { code, lines } = await outcome(program('', ''), (line) => (line === 'ready' ? signal : undefined))
    assert.deepEqual([code, lines], [0, ['ready', 'signal', 'drain', 'around']])
  }
})

test('SIGHUP reloads, and goes on', async () => {
  const { code, lines } = await outcome(program('', ''), (line) => {
    if (line === 'ready') return 'SIGHUP'
    return line === 'reload' ? 'SIGTERM' : undefined
  })
  assert.deepEqual([code, lines], [0, ['ready', 'reload', 'signal', 'drain', 'around']])
})

test('a second signal ends it at once, the same one passed on twice does not', async () => {
  const never = `
    now = 100
    process.kill(process.pid, 'SIGINT')
    await new Promise((resolve) => process.once('SIGINT', resolve))
    now = 1000
    say('again')
    await new Promise(() => {})`
  const { code, lines } = await outcome(program(never, ''), (line) =>
    line === 'ready' || line === 'again' ? 'SIGINT' : undefined,
  )
  assert.deepEqual([code, lines], [130, ['ready', 'signal', 'drain', 'again', 'signal']])
})

test('an uncaught exception drains and ends with 70, so that someone starts it again', async () => {
  for (const fault of ['setImmediate(() => { throw new Error("a bug") })', 'Promise.reject(new Error("a bug"))']) {
    const { code, lines } = await outcome(program('', fault))
    assert.deepEqual([code, lines], [70, ['ready', 'fault', 'drain', 'around']])
  }
})

test('a fault while it drains after a fault ends it at once', async () => {
  const again = 'setImmediate(() => { throw new Error("again") }); await new Promise(() => {})'
  const { code, lines } = await outcome(program(again, 'Promise.reject(new Error("a bug"))'))
  assert.deepEqual([code, lines], [70, ['ready', 'fault', 'drain', 'fault']])
})

test('a drain that fails ends with 70', async () => {
  const { code } = await outcome(program('throw new Error("no")', ''), (line) =>
    line === 'ready' ? 'SIGTERM' : undefined,
  )
  assert.equal(code, 70)
})

test('asked to end at once it drops what is under way', async () => {
  const { code, lines } = await outcome(program('', 'ending.ask(true)'))
  assert.deepEqual([code, lines], [0, ['ready', 'stop', 'around']])
})
