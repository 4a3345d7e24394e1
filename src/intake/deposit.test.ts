import assert from 'node:assert/strict'
import { test } from 'node:test'
import { manualClock } from '../../test/doubles/manual-clock.ts'
import type { BodyFacts } from '../mail/facts.ts'
import { inspector } from '../mime/inspect.ts'
import { silentLog } from '../observe/log.ts'
import { memorySpool } from '../spool/memory.ts'
import { type Deposit, deposit } from './deposit.ts'

const look = async (content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>) => {
  const inspect = inspector({ maxHeader: 1000 })
  for await (const chunk of content) inspect.write(chunk)
  return inspect.end()
}

/** What is said of a message that was deposited, as far as its delivery is concerned; and what is true of it. */
const facts = async (text: string, edits: Deposit['edits'], local = 'bob'): Promise<[BodyFacts, BodyFacts]> => {
  const spool = memorySpool({ clock: manualClock() })
  const draft = spool.open()
  const body = Buffer.from(text, 'latin1')
  await draft.write(body)
  const mail: Deposit = {
    sender: null,
    params: {},
    recipients: [{ address: { local, domain: 'example.test' }, params: {}, lane: null }],
    ...(await look([body])),
    edits,
    marks: [{ prefix: 'UTF8' }],
    extended: true,
    schedule: {},
    accepted: 0,
    origin: { listener: 'mx', peer: '192.0.2.1', helo: 'client.example', kind: 'smtp' },
  }
  await deposit(draft, mail, { hostname: 'mx.example.test', hops: 100, log: silentLog })
  const [claim] = await spool.claim({
    owner: 'test',
    now: 0,
    leaseUntil: 1,
    most: 1,
    mostRecipients: 1,
    mostPerLane: 1,
  })
  assert.ok(claim)
  const { message } = claim
  const headerOctets = message.facts.headerOctets + message.octets - message.facts.octets
  const said = { ...message.facts, octets: message.octets, headerOctets }
  // Lines of the trace field are not counted; none is too long.
  return [
    { ...said, longestLine: 0 },
    { ...(await look(message.content())).facts, longestLine: 0 },
  ]
}

const EDITS: readonly Deposit['edits'][] = [
  [],
  [{ field: 'add', name: 'X-New', value: '1' }],
  [{ field: 'remove', name: 'X-Old' }],
  [{ field: 'replace', name: 'Subject', value: '\xc3\xa9' }],
]

test('the facts are those of what is kept: trace field, edits, an empty line where there was no header', async () => {
  for (const text of [
    'Subject: x\r\n\r\nbody\r\n',
    'Subject: \xc3\xa9\r\nX-Old: y\r\n\r\nbody \xe9\r\n',
    'no \xe9 header\r\n\r\nSubject: \xe9\r\n',
    'no \xe9 header',
    ' text\r\nContent-Type: multipart/signed; boundary=b\r\n\r\n--b\r\nA: \xe9\r\n',
    'Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\nA: \xe9\r\n',
    '\r\nbody\r\n',
    '',
  ]) {
    for (const edits of EDITS) {
      for (const local of ['bob', 'jürgen']) {
        const [said, true_] = await facts(text, edits, local)
        assert.deepEqual(said, true_, JSON.stringify([text, edits, local]))
      }
    }
  }
})
