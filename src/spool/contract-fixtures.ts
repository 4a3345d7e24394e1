import assert from 'node:assert/strict'
import { type Diagnosis, ours } from '../mail/diagnosis.ts'
import { reply } from '../mail/reply.ts'
import type { Alarm, Clock } from '../observe/clock.ts'
import type { Change, Claim, ClaimRequest, Draft, Fate, Fork, MessageRecord, NewRecipient, Spool } from './spool.ts'

/** Time that stands still until it is told to go. */
export class HandClock implements Clock {
  #now: number
  readonly #alarms = new Set<{ readonly at: number; run(): void }>()

  constructor(now = 1_750_000_000_000) {
    this.#now = now
  }

  now(): number {
    return this.#now
  }

  after(ms: number, run: () => void): Alarm {
    const alarm = { at: this.#now + ms, run }
    this.#alarms.add(alarm)
    return { cancel: () => this.#alarms.delete(alarm) }
  }

  pass(ms: number): void {
    this.#now += ms
    for (const alarm of [...this.#alarms]) {
      if (alarm.at > this.#now) continue
      this.#alarms.delete(alarm)
      alarm.run()
    }
  }
}

/** `recipient@domain`, and more of it. */
export const to = (text: string, more: Partial<NewRecipient> = {}): NewRecipient => {
  const [local = '', domain = ''] = text.split('@')
  return { address: { local, domain }, params: {}, ...more }
}

export const recordOf = (clock: Clock, octets: number, more: Partial<MessageRecord> = {}): MessageRecord => ({
  sender: { local: 'ann', domain: 'Example.org' },
  params: { BODY: '8BITMIME', SMTPUTF8: true },
  recipients: [to('bob@example.net')],
  prefix: Buffer.from('Received: by here\r\n'),
  bodyFrom: 0,
  facts: {
    octets,
    encoding: '8bit',
    longestLine: 72,
    eightBitHeader: false,
    bareNewline: false,
    nul: false,
    endsWithNewline: true,
    headerOctets: 20,
  },
  origin: { listener: 'mx', peer: '192.0.2.1', helo: 'client.example', protocol: 'ESMTP', kind: 'MAIL' },
  schedule: {},
  accepted: clock.now(),
  ...more,
})

export const BODY: Buffer = Buffer.from('Subject: hello\r\n\r\nGrüße\r\n')

/** One message, kept. */
export const put = async (
  spool: Spool,
  clock: Clock,
  more: Partial<MessageRecord> = {},
  body: Uint8Array = BODY,
): Promise<Draft> => {
  const draft = spool.open()
  await draft.write(body)
  await draft.commit(recordOf(clock, body.length, more))
  return draft
}

export const claimWith = (spool: Spool, clock: Clock, more: Partial<ClaimRequest> = {}): Promise<readonly Claim[]> =>
  spool.claim({
    owner: 'queue',
    now: clock.now(),
    leaseUntil: clock.now() + 60_000,
    most: 100,
    mostRecipients: 100,
    mostPerLane: 100,
    ...more,
  })

/** The one claim there is. */
export const claimOne = async (spool: Spool, clock: Clock, more: Partial<ClaimRequest> = {}): Promise<Claim> => {
  const [claim, ...others] = await claimWith(spool, clock, more)
  assert.ok(claim, 'nothing was due')
  assert.equal(others.length, 0, 'more was due')
  return claim
}

/** A new message with a claim's body. */
export const forkTo = (...recipients: readonly string[]): Fork => ({
  sender: { local: 'list-owner', domain: 'example.org' },
  params: { RET: 'HDRS' },
  recipients: recipients.map((one) => to(one)),
  schedule: { priority: 2 },
})

export const said = (code: number, clock: Clock): Diagnosis =>
  ours(reply(code, `${Math.floor(code / 100)}.0.0`, 'So it is'), clock.now())

export const delivered = (clock: Clock): Fate => ({ is: 'delivered', last: said(250, clock) })

/** Every recipient of the claim has this fate now. */
export const all = (claim: Claim, fate: Fate): readonly Change[] =>
  claim.recipients.map(({ key }) => ({ of: key, fate, attempted: true }))

export const settleAll = async (spool: Spool, clock: Clock, claim: Claim, fate = delivered(clock)): Promise<void> => {
  await spool.settle(claim, { now: clock.now(), changes: all(claim, fate) })
}

export const octets = async (content: AsyncIterable<Uint8Array> | undefined): Promise<Buffer> => {
  assert.ok(content, 'no such message')
  const chunks: Uint8Array[] = []
  for await (const chunk of content) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** `local@domain` of recipients, sorted. */
export const names = (recipients: readonly { readonly address: { local: string; domain: string } }[]): string[] =>
  recipients.map(({ address }) => `${address.local}@${address.domain}`).sort()
