import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Closed, EndlessLine, LineTooLong } from '../../src/net/channel.ts'
import { DotReader } from '../../src/net/dot-reader.ts'
import { type BodyReader, CountedReader, LineReader } from '../../src/net/framing.ts'
import { Input } from '../../src/net/input.ts'
import { memoryStreams } from '../../src/net/memory-stream.ts'
import { streamChannel } from '../../src/net/stream-channel.ts'
import { systemClock } from '../../src/observe/clock.ts'
import { cutAt, octets, pieces, type Random, SMUGGLING } from './framing-input.ts'
import { ReferenceReader } from './reference-reader.ts'
import { randomFrom, runs } from './runs.ts'

// FUZZ_SEED to repeat one: input i is made from seed + i.
const RUNS = runs(6000)
const SEED = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31)

/** What is read, one after the other: a line of at most so many octets and so many beyond, so many octets, or a dotted body. */
type Step = { readonly line: number; readonly beyond: number } | { readonly counted: number } | 'dotted'

const steps = (next: Random): Step[] =>
  Array.from({ length: 1 + next(6) }, () => {
    const kind = next(5)
    if (kind < 2) return { line: [0, 1, 5, 40, 1000][next(5)] ?? 0, beyond: [0, 1, 7, 100, 10_000][next(5)] ?? 0 }
    return kind === 2 ? { counted: next(30) } : 'dotted'
  })

/** What came of the steps up to the one that the input did not suffice for, and how much was left over. */
const expected = (input: Buffer, plan: readonly Step[]): unknown[] => {
  const reader = new ReferenceReader(input)
  const read: unknown[] = []
  for (const step of plan) {
    if (step !== 'dotted' && 'line' in step) {
      const line = reader.line(step.line, step.beyond)
      if (line === undefined) return [...read, 'cut short']
      if (line === 'endless') return [...read, line]
      read.push(line)
      continue
    }
    const { body, done } = step === 'dotted' ? reader.dotted() : reader.counted(step.counted)
    read.push(body.toString('latin1'))
    if (!done) return [...read, 'cut short']
  }
  return [...read, reader.left]
}

const tooLong = (error: unknown): 'endless' | 'too long' => {
  if (!(error instanceof LineTooLong)) throw error
  return error instanceof EndlessLine ? 'endless' : 'too long'
}

/** The same by the readers themselves, fed whenever they want more, with as many pieces at a time as chance has it. */
const byReaders = (cut: readonly Buffer[], plan: readonly Step[], next: Random): unknown[] => {
  const input = new Input()
  const lines = new LineReader()
  const read: unknown[] = []
  let fed = 0
  const feed = (): boolean => {
    const before = fed
    for (let i = next(3); i >= 0; i--) {
      const piece = cut[fed++]
      if (piece) input.push(piece)
    }
    return before < cut.length
  }
  const line = (limit: number, beyond: number): string | undefined => {
    try {
      return lines.next(input, limit, beyond)
    } catch (error) {
      return tooLong(error)
    }
  }
  for (const step of plan) {
    if (step !== 'dotted' && 'line' in step) {
      let text = line(step.line, step.beyond)
      while (text === undefined && feed()) text = line(step.line, step.beyond)
      if (text === undefined) return [...read, 'cut short']
      if (text === 'endless') return [...read, text]
      read.push(text)
      continue
    }
    const reader: BodyReader = step === 'dotted' ? new DotReader() : new CountedReader(step.counted)
    const body: Buffer[] = []
    do {
      for (let chunk = reader.next(input); chunk !== undefined; chunk = reader.next(input)) {
        assert(chunk.length > 0)
        body.push(chunk)
      }
    } while (!reader.done && feed())
    read.push(Buffer.concat(body).toString('latin1'))
    if (!reader.done) return [...read, 'cut short']
  }
  while (feed());
  return [...read, input.octets]
}

/** The same by a channel. */
const byChannel = async (cut: readonly Buffer[], plan: readonly Step[], highWater: number): Promise<unknown[]> => {
  const [here, there] = memoryStreams()
  const nowhere = { address: '', port: 0 }
  const channel = streamChannel(here, { peer: nowhere, local: nowhere, clock: systemClock(), highWater })
  for (const piece of cut) there.write(piece)
  there.end()
  const read: unknown[] = []
  const body: Uint8Array[] = []
  try {
    for (const step of plan) {
      if (step !== 'dotted' && 'line' in step) {
        const line = await channel.line(step.line, 60_000, step.beyond).catch(tooLong)
        read.push(line)
        if (line === 'endless') return read
        continue
      }
      body.length = 0
      const source = step === 'dotted' ? channel.dotted(60_000) : channel.counted(step.counted, 60_000)
      for await (const chunk of source) body.push(chunk)
      read.push(Buffer.concat(body).toString('latin1'))
    }
    let left = 0
    const rest = async () => {
      for await (const chunk of channel.counted(Number.MAX_SAFE_INTEGER, 60_000)) left += chunk.length
    }
    await assert.rejects(rest, Closed)
    return [...read, left]
  } catch (error) {
    if (!(error instanceof Closed)) throw error
    const step = plan[read.length]
    if (step === 'dotted' || (step && 'counted' in step)) read.push(Buffer.concat(body).toString('latin1'))
    return [...read, 'cut short']
  } finally {
    channel.destroy()
  }
}

const story = (seed: number, cut: readonly Buffer[], plan: readonly Step[]): string =>
  `FUZZ=1 FUZZ_SEED=${seed}: ${JSON.stringify(cut.map((piece) => piece.toString('latin1')))} read as ${JSON.stringify(plan)}`

const agree = (got: unknown[], wanted: unknown[], told: () => string): void => {
  // Comparing in depth is slow, and a million times too slow.
  if (JSON.stringify(got) !== JSON.stringify(wanted)) assert.deepEqual(got, wanted, told())
}

test(`lines and bodies are what the reference reader finds, for ${RUNS} inputs`, () => {
  for (let seed = SEED; seed < SEED + RUNS; seed++) {
    const next = randomFrom(seed)
    const input = octets(next)
    const plan = steps(next)
    const wanted = expected(input, plan)
    for (let cuts = 0; cuts < 3; cuts++) {
      const cut = pieces(input, next)
      agree(byReaders(cut, plan, next), wanted, () => story(seed, cut, plan))
    }
  }
})

test('so they are through a channel, held back or not', async () => {
  for (let seed = SEED; seed < SEED + Math.max(1, RUNS / 20); seed++) {
    const next = randomFrom(seed)
    const input = octets(next)
    const plan = steps(next)
    const cut = pieces(input, next)
    const got = await byChannel(cut, plan, next(2) === 0 ? 1 : 256 * 1024)
    agree(got, expected(input, plan), () => story(seed, cut, plan))
  }
})

test('every input of six octets that matter, cut in every way, gives the reference reader’s body and next line', () => {
  const never: Random = () => 0
  const alphabet = Buffer.from('\r\n.x')
  for (let number = 0; number < 4 ** 6; number++) {
    const input = Buffer.from(Array.from({ length: 6 }, (_, i) => alphabet[(number >> (2 * i)) & 3] ?? 0))
    for (const plan of [
      ['dotted', { line: 3, beyond: 1 }],
      [{ line: 3, beyond: 1 }, 'dotted'],
    ] satisfies Step[][]) {
      const wanted = expected(input, plan)
      for (let places = 0; places < 2 ** 5; places++) {
        const cut = cutAt(input, places)
        agree(byReaders(cut, plan, never), wanted, () => story(0, cut, plan))
      }
    }
  }
})

for (const sequence of SMUGGLING) {
  test(`${JSON.stringify(sequence)} smuggles nothing, however it is cut`, () => {
    const mail = `${sequence}MAIL FROM:<smuggled@example.org>\r\n`
    const input = Buffer.from(`Subject: x\r\n\r\nbody${mail}.\r\nQUIT\r\n`, 'latin1')
    const body = `Subject: x\r\n\r\nbody${mail}`.replaceAll('\r\n.', '\r\n')
    const begin = input.indexOf('body') + 3
    for (let places = 0; places < 2 ** (sequence.length + 2); places++) {
      const window = input.subarray(begin, begin + sequence.length + 3)
      const cut = [input.subarray(0, begin), ...cutAt(window, places), input.subarray(begin + window.length)]
      const got = byReaders(cut, ['dotted', { line: 100, beyond: 0 }], () => 0)
      agree(got, [body, 'QUIT', 0], () => story(0, cut, ['dotted']))
    }
  })
}

test('nothing but CRLF.CRLF ends a body: one that does not hold it never ends', () => {
  for (let seed = SEED; seed < SEED + RUNS; seed++) {
    const next = randomFrom(seed)
    const text = `x${octets(next).toString('latin1')}`.replaceAll('\r\n.\r\n', '\r\n.\n')
    const got = byReaders(pieces(Buffer.from(text, 'latin1'), next), ['dotted'], next)
    assert.equal(got.at(-1), 'cut short', story(seed, [Buffer.from(text, 'latin1')], ['dotted']))
  }
})
