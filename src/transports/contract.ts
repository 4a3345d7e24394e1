import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { formatAddress } from '../mail/address.ts'
import { SpoolError, type SpooledMessage, type SpooledRecipient } from '../spool/spool.ts'
import { BODIES, mail, recipients } from './contract-mail.ts'
import type { JobTarget, Outcome, Transport } from './transport.ts'

/** A transport, where it delivers to, and a look at what is there. */
export interface Subject {
  readonly transport: Transport
  readonly to: JobTarget
  /** All that can be seen there, what is half done too. */
  arrived(): Promise<readonly Arrived[]>
  end(): Promise<void>
  /** What the place may refuse to take for good; everything else must arrive. */
  readonly mayRefuse?: readonly ('eightBit' | 'nul' | 'longLines')[]
  /** A success means that the mailbox has it, or that nobody further on will tell. */
  readonly final: boolean
}

export interface Arrived {
  readonly recipients: readonly string[]
  /** One character per octet, with CRLF, without what the transport or the place put on top. */
  readonly content: string
}

type Promised = (subject: Subject) => Promise<void>
const PLAIN = BODIES['a plain one']?.chunks ?? []
const LARGE = BODIES['a million octets']?.chunks ?? []

const text = async (message: SpooledMessage): Promise<string> => {
  const parts: Uint8Array[] = []
  for await (const chunk of message.content()) parts.push(chunk)
  return Buffer.concat(parts).toString('latin1')
}

/** Delivers, and checks what may be said of every outcome. `error`: what it rejected with. */
const deliver = async (
  { transport, to, final }: Subject,
  message: SpooledMessage,
  served: readonly SpooledRecipient[],
  signal: AbortSignal = new AbortController().signal,
): Promise<{ readonly outcomes: ReadonlyMap<number, Outcome>; readonly error?: unknown }> => {
  const outcomes = new Map<number, Outcome>()
  const settled = (outcome: Outcome) => {
    const { code, status, lines } = outcome.diagnosis
    assert.ok(
      served.some(({ key }) => key === outcome.of),
      `outcome for ${outcome.of}, who is no recipient`,
    )
    assert.ok(!outcomes.has(outcome.of), `second outcome for ${outcome.of}`)
    assert.ok([2, 4, 5].includes(Math.floor(code / 100)), `code ${code}`)
    assert.match(status, new RegExp(`^(?:${Math.floor(code / 100)}\\.\\d{1,3}\\.\\d{1,3})?$`))
    assert.ok(lines.length > 0 && lines.every((line) => !/[\r\n]/.test(line)))
    if (code < 300 && final) assert.equal(outcome.event, 'delivered')
    if (code >= 400) assert.equal(outcome.event, undefined)
    outcomes.set(outcome.of, outcome)
  }
  try {
    await transport.deliver({ message, recipients: served, to }, signal, settled)
    return { outcomes }
  } catch (error) {
    return { outcomes, error }
  }
}

/** Who was told to have it has it once, as it was sent; who was not, has nothing of it. */
const agree = async (
  subject: Subject,
  message: SpooledMessage,
  to: readonly SpooledRecipient[],
  outcomes: ReadonlyMap<number, Outcome>,
): Promise<void> => {
  const sent = await text(message)
  const ended = sent === '' || sent.endsWith('\r\n') ? [sent] : [sent, `${sent}\r\n`]
  const arrived = await subject.arrived()
  for (const { key, address } of to) {
    const theirs = arrived.filter(({ recipients: whose }) => whose.includes(formatAddress(address)))
    const code = outcomes.get(key)?.diagnosis.code ?? 451
    assert.equal(theirs.length, code < 300 ? 1 : 0, `${formatAddress(address)}: ${code}, and ${theirs.length} arrived`)
    for (const { content } of theirs)
      assert.ok(ended.includes(content), `arrived as ${JSON.stringify(content.slice(0, 500))}`)
  }
}

const succeeds = async (subject: Subject, message: SpooledMessage, to: readonly SpooledRecipient[]): Promise<void> => {
  const { outcomes, error } = await deliver(subject, message, to)
  assert.equal(error, undefined)
  for (const { key } of to) assert.equal(outcomes.get(key)?.diagnosis.code, 250, JSON.stringify(outcomes.get(key)))
  await agree(subject, message, to, outcomes)
}

/** Its content ends in an error after some chunks. */
const unreadable = (chunks: readonly string[], after: number): SpooledMessage => ({
  ...mail(chunks),
  async *content() {
    for (const chunk of chunks.slice(0, after)) yield Buffer.from(chunk, 'latin1')
    throw new SpoolError('broken', 'the body cannot be read')
  },
})

const fails =
  (after: number): Promised =>
  async (subject) => {
    const to = recipients('a@example.test', 'b@example.test')
    const { outcomes, error } = await deliver(subject, unreadable(LARGE, after), to)
    for (const { key } of to) {
      const code = outcomes.get(key)?.diagnosis.code
      assert.ok(code === undefined ? error !== undefined : code >= 400 && code < 500, `${code}`)
    }
    assert.deepEqual(await subject.arrived(), [])
    await succeeds(subject, mail(PLAIN), to)
  }

const PROMISES: Readonly<Record<string, Promised>> = {
  async 'every recipient gets it once and has one outcome'(subject) {
    await succeeds(subject, mail(PLAIN), recipients('a@example.test', 'b@example.test', 'c@example.test'))
  },
  async 'a report, from nobody, is taken as well'(subject) {
    await succeeds(subject, mail(PLAIN, { sender: null }), recipients('a@example.test'))
  },
  async 'one message after the other, and at the same time'(subject) {
    await succeeds(subject, mail(PLAIN), recipients('first@example.test'))
    const names = ['a', 'b', 'c', 'd'].map((name) => recipients(`${name}@example.test`))
    const messages = names.map((_, i) => mail([`Subject: ${i}\r\n\r\n${i}\r\n`]))
    const done = await Promise.all(names.map((to, i) => deliver(subject, messages[i] ?? mail([]), to)))
    for (const [i, { outcomes, error }] of done.entries()) {
      assert.equal(error, undefined)
      assert.deepEqual(
        [...outcomes.values()].map(({ diagnosis }) => diagnosis.code),
        [250],
      )
      await agree(subject, messages[i] ?? mail([]), names[i] ?? [], outcomes)
    }
    assert.equal((await subject.arrived()).length, 5)
  },
  'content that cannot be read from the beginning leaves nothing behind': fails(0),
  'content that cannot be read from the middle on leaves nothing behind': fails(9),
  async 'a delivery that is called off before it began leaves nothing behind'(subject) {
    const to = recipients('a@example.test', 'b@example.test')
    const message = mail(PLAIN)
    const { outcomes } = await deliver(subject, message, to, AbortSignal.abort())
    await agree(subject, message, to, outcomes)
    for (const { diagnosis } of outcomes.values()) assert.ok(diagnosis.code >= 400 && diagnosis.code < 500)
    await succeeds(subject, message, to)
  },
  async 'a delivery that is called off in the middle ends, with all or nothing'(subject) {
    const to = recipients('a@example.test', 'b@example.test')
    const off = new AbortController()
    const message = mail(LARGE)
    const content = async function* () {
      for (const [index, chunk] of LARGE.entries()) {
        if (index === 7) off.abort()
        yield Buffer.from(chunk, 'latin1')
      }
    }
    const { outcomes } = await deliver(subject, { ...message, content }, to, off.signal)
    await agree(subject, message, to, outcomes)
    await succeeds(subject, mail(PLAIN), recipients('c@example.test'))
  },
  async 'it tells how much it can do, and can be closed, even twice'(subject) {
    const { limits } = subject.transport
    assert.ok(Number.isInteger(limits.perDestination) && limits.perDestination > 0)
    assert.ok(Number.isInteger(limits.recipientsPerDelivery) && limits.recipientsPerDelivery > 0)
    await subject.transport.close()
    await subject.transport.close()
  },
}

const carries =
  (chunks: readonly string[], needs?: 'eightBit' | 'nul' | 'longLines'): Promised =>
  async (subject) => {
    const to = recipients('a@example.test', 'b@example.test')
    const message = mail(chunks)
    if (needs === undefined || !subject.mayRefuse?.includes(needs)) return await succeeds(subject, message, to)
    const { outcomes, error } = await deliver(subject, message, to)
    assert.equal(error, undefined)
    assert.equal(outcomes.size, to.length)
    await agree(subject, message, to, outcomes)
  }

/** Every promise of `Transport`, as tests of one of them; each gets a subject of its own. */
export const transportContract = (name: string, open: () => Promise<Subject>): void => {
  const held = (holds: Promised) => async () => {
    const subject = await open()
    try {
      await holds(subject)
    } finally {
      await subject.transport.close()
      await subject.end()
    }
  }
  describe(`${name}: what every transport promises`, () => {
    for (const [promise, holds] of Object.entries(PROMISES)) test(promise, held(holds))
    for (const [body, { chunks, needs }] of Object.entries(BODIES))
      test(`carries ${body}`, held(carries(chunks, needs)))
  })
}
