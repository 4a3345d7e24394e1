import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { type Mail, sendMail } from './system-client.ts'
import { Died, type MtaProcess, mtaProcess } from './system-mta.ts'
import { type Host, makeHost } from './system-sink.ts'
import { makeSite, type Site } from './system-site.ts'

// KILLS=200 SEED=7: that many kills, at other moments.
const KILLS = Number(process.env['KILLS'] ?? 15)
const SEED = Number(process.env['SEED'] ?? 1)
const CLIENTS = 20
/** Deliveries at once. */
const CONCURRENCY = 20
/** Mails that a process acknowledges at most, and milliseconds after that. */
const LIFE = { mails: 150, ms: 20 }
const USERS = ['ann', 'ben', 'cat', 'dan', 'eve', 'fay', 'gus', 'hal'] as const

/** Mulberry32: the same numbers for the same seed. */
const randomFrom = (seed: number): (() => number) => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

interface Sent extends Mail {
  readonly token: string
  acknowledged: boolean
}

/** One in ten fails at the host and is reported; one in forty is a large one. */
const makeMail = (token: string, random: () => number): Sent => {
  const pick = () => USERS[Math.floor(random() * USERS.length)] ?? 'ann'
  const fails = random() < 0.1
  const lines = random() < 1 / 40 ? 2500 : Math.floor(random() * 60)
  const to = fails
    ? ['nobody@elsewhere.test']
    : [`${pick()}@home.test`, ...(random() < 0.3 ? ['host@elsewhere.test'] : [])]
  return {
    token,
    from: fails ? `${pick()}@home.test` : 'sender@client.test',
    to,
    body: [`Message-ID: <${token}@client.test>`, '', ...Array.from({ length: lines }, () => 'x'.repeat(64)), ''].join(
      '\r\n',
    ),
    acknowledged: false,
  }
}

/** Sends one session of mails after the other to whatever process lives. */
const client = async (name: string, random: () => number, mta: Crowd): Promise<Sent[]> => {
  const all: Sent[] = []
  for (let port = await mta.port(); port !== undefined; port = await mta.port()) {
    const mails = Array.from({ length: 1 + Math.floor(random() * 4) }, (_, i) =>
      makeMail(`${name}-${all.length + i}`, random),
    )
    const replies = await sendMail(port, mails, random() < 0.5, mta.replied)
    for (const [i, one] of mails.entries()) one.acknowledged = replies[i]?.startsWith('250') ?? false
    all.push(...mails)
  }
  return all
}

/** What the clients know of the process that lives, and it of them. */
class Crowd {
  #listening = Promise.withResolvers<number | undefined>()
  #enough = Promise.withResolvers<void>()
  #replies = 0
  #listens = false

  /** Where to send; waits while nothing lives, and is undefined when it is over. */
  port(): Promise<number | undefined> {
    return this.#listening.promise
  }

  readonly replied = (): void => {
    this.#replies -= 1
    if (this.#replies <= 0) this.#enough.resolve()
  }

  /** Resolves after so many replies. */
  enough(replies: number): Promise<void> {
    this.#replies = replies
    this.#enough = Promise.withResolvers()
    return this.#enough.promise
  }

  listens(port: number | undefined): void {
    this.#listens = true
    this.#listening.resolve(port)
  }

  /** Those that wait for it to listen wait for the next one. */
  goes(): void {
    if (this.#listens) this.#listening = Promise.withResolvers()
    this.#listens = false
  }
}

/** Where mail ends up, each by its own text. */
const copiesOf = (seen: readonly string[]): Map<string, number> => {
  const copies = new Map<string, number>()
  for (const one of seen) copies.set(one, (copies.get(one) ?? 0) + 1)
  return copies
}

const tokensOf = (text: string): string | undefined => /Message-ID: <([^@>]+)@client\.test>/.exec(text)?.[1]

interface Figures {
  acknowledged: number
  unacknowledged: number
  copies: number
  duplicates: number
  reports: number
}

const verify = (sent: readonly Sent[], site: Site, host: Host): Figures => {
  const figures: Figures = { acknowledged: 0, unacknowledged: 0, copies: 0, duplicates: 0, reports: 0 }
  const places = new Map<string, Map<string, number>>([
    ...USERS.map((user) => [`${user}@home.test`, copiesOf(site.mailbox(user))] as const),
    ['host@elsewhere.test', copiesOf(host.taken('host@elsewhere.test'))] as const,
  ])
  const reports = new Map<string, { readonly texts: Set<string>; copies: number }>()
  for (const place of places.values())
    for (const [text, copies] of place) {
      if (!/^Content-Type: multipart\/report;/m.test(text)) continue
      place.delete(text)
      const token = tokensOf(text) ?? ''
      const known = reports.get(token) ?? { texts: new Set(), copies: 0 }
      known.texts.add(text)
      known.copies += copies
      reports.set(token, known)
    }
  const count = (copies: number): void => {
    figures.copies += copies
    figures.duplicates += Math.max(0, copies - 1)
  }
  for (const { token, to, body, acknowledged } of sent) {
    figures[acknowledged ? 'acknowledged' : 'unacknowledged'] += 1
    const text = body.replaceAll('\r\n', '\n')
    for (const address of to) {
      if (address === 'nobody@elsewhere.test') {
        const { texts, copies } = reports.get(token) ?? { texts: new Set(), copies: 0 }
        if (acknowledged) assert.ok(copies >= 1, `${token} failed, and nobody was told`)
        assert.ok(texts.size <= 1, `${token}: ${texts.size} different reports`)
        figures.reports += texts.size
        count(copies)
        continue
      }
      const copies = places.get(address)?.get(text) ?? 0
      places.get(address)?.delete(text)
      if (acknowledged) assert.ok(copies >= 1, `${token} was acknowledged, and ${address} does not have it`)
      count(copies)
    }
  }
  for (const [address, place] of places)
    assert.deepEqual(
      [...place.keys()].map((text) => text.slice(0, 200)),
      [],
      `${address} has mail that nobody sent, or half of it`,
    )
  return figures
}

test(`${KILLS} kills at random moments while ${CLIENTS} clients send: what was acknowledged is delivered`, async (t) => {
  const random = randomFrom(SEED)
  const host = await makeHost()
  const site = makeSite({ relay: host.port, users: USERS, queue: `{ concurrency: ${CONCURRENCY} }` })
  const crowd = new Crowd()
  let now: MtaProcess = mtaProcess()
  let next: MtaProcess = mtaProcess()
  const start = () => now.start({ settings: site.settings, log: site.log })
  try {
    const clients = Array.from({ length: CLIENTS }, (_, i) => client(`c${i}`, randomFrom(SEED * 1000 + i), crowd))
    for (let kill = 0; kill < KILLS; kill += 1) {
      const starting = start()
      if (random() < 0.2) starting.catch((error) => assert.ok(error instanceof Died, String(error)))
      else {
        crowd.listens(await starting)
        await crowd.enough(1 + random() * LIFE.mails)
      }
      await pause(random() * LIFE.ms)
      crowd.goes()
      now.kill()
      await now.ended
      now = next
      next = mtaProcess()
    }
    await start()
    crowd.listens(undefined)
    const sent = (await Promise.all(clients)).flat()
    await now.ask({ do: 'empty' })
    await now.ask({ do: 'sweep' })
    assert.deepEqual(site.leftovers(), [])
    const { acknowledged, unacknowledged, copies, duplicates, reports } = verify(sent, site, host)
    t.diagnostic(
      `${acknowledged} acknowledged, ${unacknowledged} not; ${copies} copies, ${duplicates} of them second ones; ${reports} reports`,
    )
    assert.ok(acknowledged > KILLS && reports > 0)
    // What was being delivered, and what was delivered and being settled.
    assert.ok(duplicates <= KILLS * 2 * CONCURRENCY, `${duplicates} duplicates`)
  } finally {
    crowd.listens(undefined)
    for (const process of [now, next]) {
      process.kill()
      await process.ended
    }
    site.remove()
    await host.close()
  }
})
