import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { faultFor7bit } from '../corpus/conversion.ts'
import { golden, message, names } from '../corpus/messages.ts'
import { differences, readOutside } from '../corpus/outside.ts'
import { COMPARISON, FIGURES, outcomeIn, sentences, table, VERSIONS } from './comparison.ts'
import { lacking } from './installed.ts'
import { isOutcome, outcomesOf, type Passage } from './outcomes.ts'
import { type Passed, passAll, plainHop, type Relay } from './passing.ts'
import { freePort } from './ports.ts'
import { startPostfix } from './postfix.ts'
import { type Scene, sceneForTests } from './scene.ts'
import { startSendmail } from './sendmail.ts'
import { SENDMAIL } from './sendmail-cf.ts'
import { startSmail } from './smail.ts'

const MTAS = ['smail', 'postfix', 'sendmail'] as const
type Mta = (typeof MTAS)[number]

const START: Readonly<Record<Mta, (scene: Scene, hop: number) => Promise<Relay>>> = {
  async smail(scene, hop) {
    const domain = 'smail.test'
    const settings = { routers: { all: { smarthost: { hosts: `127.0.0.1:${hop}` } } } }
    const smail = await startSmail(scene, { domain, settings })
    return {
      port: smail.ports.clear,
      domain,
      takesBinary: true,
      log: () => smail.log(),
      maildir: (user) => smail.maildir(user),
    }
  },
  postfix: async (scene, hop) =>
    startPostfix(scene, {
      domain: 'postfix.test',
      ports: { clear: hop, tls: await freePort() },
      more: 'in_flow_delay = 0',
    }),
  sendmail: async (scene, hop) =>
    startSendmail(scene, { domain: 'sendmail.test', ports: { clear: hop, tls: await freePort() } }),
}

/** As they say it themselves. */
const VERSION: Readonly<Record<keyof typeof VERSIONS, RegExp>> = {
  postfix: /daemon started -- version (\S+),/,
  sendmail: / ESMTP Sendmail ([\d.]+)/,
}

const series = (version: string): string => version.split('.', 2).join('.')

/** DATA can send no other. */
const ended = (octets: Buffer): Buffer =>
  octets.length === 0 || octets.toString('latin1').endsWith('\r\n')
    ? octets
    : Buffer.concat([octets, Buffer.from('\r\n')])

/** An empty line keeps its first line from going on with our trace field, and so makes a body of its header. */
const UNDER_TRACE = 'broken-header-begins-with-blank'

const NEEDING = names.filter((name) => faultFor7bit(message(name)) !== undefined)

const fromGolden = (name: string): Passed => {
  const what = golden(name, '7bit')
  return typeof what === 'string' ? { bounced: what.slice(0, 5) } : { arrived: ended(what) }
}

/** With what Python says of the messages, all at once: to start it takes longer than to read. */
const passagesOf = async (
  folder: string,
  passed: ReadonlyMap<string, Passed>,
): Promise<ReadonlyMap<string, Passage>> => {
  const chosen = Object.keys(COMPARISON)
  const paths = chosen.flatMap((name) =>
    [ended(message(name)), passed.get(name)?.arrived ?? ''].map((octets, index) => {
      const path = join(folder, `${name}.${index}.eml`)
      writeFileSync(path, octets)
      return path
    }),
  )
  const read = await readOutside(paths)
  return new Map(
    chosen.map((name, index) => {
      const { arrived, bounced } = passed.get(name) ?? {}
      const smail = fromGolden(name).arrived?.toString('latin1')
      // Fields are another's matter: the order of Sendmail is its own.
      const misread = differences(read[2 * index] ?? [], read[2 * index + 1] ?? []).filter(
        (one) => !/^header /.test(one),
      )
      const passage = {
        sent: ended(message(name)).toString('latin1'),
        misread: arrived ? misread : [],
        ...(arrived ? { got: arrived.toString('latin1') } : {}),
        ...(bounced ? { bounced } : {}),
        ...(smail ? { smail } : {}),
      }
      return [name, passage]
    }),
  )
}

test('docs/8bitmime.md has the table and the figures of comparison.ts', () => {
  const page = readFileSync('docs/8bitmime.md', 'utf8')
  const [found] = /^\| message \| Smail \|.*\n(?:\|.*\n)+/m.exec(page) ?? []
  assert.equal(found?.trimEnd(), table())
  const text = page.replace(/\s+/g, ' ')
  for (const sentence of sentences()) assert.ok(text.includes(sentence), `it should say: ${sentence}`)
  const notes = Object.values(COMPARISON).flatMap((row) =>
    row.flatMap((cell) => (typeof cell === 'string' ? [] : cell[1])),
  )
  for (const note of notes) assert.match(page, new RegExp(`^${note}\\. `, 'm'))
})

test('the figures are those of the corpus', () => {
  const back = NEEDING.filter((name) => typeof golden(name, '7bit') === 'string')
  const { all, smail } = FIGURES
  assert.deepEqual(
    { all: NEEDING.length, back: back.length, converted: NEEDING.length - back.length },
    { all, ...smail },
  )
})

describe('What becomes of messages on their way to a host that announces nothing', {
  skip: lacking(['postfix', 'python3', ...SENDMAIL], true),
}, () => {
  const scene = sceneForTests()
  const passed = new Map<Mta, ReadonlyMap<string, Passed>>()
  const passages = new Map<Mta, ReadonlyMap<string, Passage>>()
  const version = new Map<Mta, string>()
  const outcome = (mta: Mta, name: string): Passage => passages.get(mta)?.get(name) ?? assert.fail(`${mta}: ${name}`)

  /** Of another series than what the table is of: what it does is told, and may differ. */
  const isOther = (mta: Mta): boolean => mta !== 'smail' && series(version.get(mta) ?? '') !== series(VERSIONS[mta])

  before(async () => {
    const relays = []
    // One after the other: on a busy machine Postfix takes its time to start.
    for (const mta of MTAS) {
      const hop = await plainHop(scene)
      relays.push({ mta, hop, relay: await START[mta](scene, hop.port) })
    }
    const messages = new Map(NEEDING.map((name) => [name, message(name)]))
    await Promise.all(
      relays.map(async ({ mta, hop, relay }) => {
        const all = await passAll(relay, hop, messages)
        passed.set(mta, all)
        if (mta !== 'smail') version.set(mta, VERSION[mta].exec(relay.log())?.[1] ?? 'unknown')
        passages.set(mta, await passagesOf(scene.folder(`${mta}-passages`), all))
      }),
    )
  })

  for (const [index, mta] of MTAS.entries()) {
    describe(mta, () => {
      for (const [name, row] of Object.entries(COMPARISON)) {
        const wanted = row[index] ?? assert.fail(name)
        test(name, (t) => {
          const passage = outcome(mta, name)
          const is = isOutcome(outcomeIn(wanted), passage)
          if (!is && isOther(mta)) {
            t.diagnostic(`${mta} ${version.get(mta)} differs from the table: ${outcomesOf(passage)}`)
            return
          }
          assert.ok(is, `not '${outcomeIn(wanted)}' but '${outcomesOf(passage)}':\n${passage.got ?? passage.bounced}`)
          // What is said of one is not true of another that has something else.
          for (const [column, cell] of row.entries()) {
            const other = outcome(MTAS[column] ?? 'smail', name)
            if (outcomeIn(cell) === outcomeIn(wanted) || other.got === passage.got) continue
            assert.ok(!isOutcome(outcomeIn(wanted), other), `'${outcomeIn(wanted)}' is true of ${MTAS[column]} too`)
          }
        })
      }
    })
  }

  test('Smail sends, octet for octet, what the corpus has', () => {
    for (const name of NEEDING) {
      const { arrived, bounced } = passed.get('smail')?.get(name) ?? {}
      const wanted = fromGolden(name)
      if (name !== UNDER_TRACE) assert.equal(arrived?.toString('latin1'), wanted.arrived?.toString('latin1'), name)
      assert.equal(bounced, wanted.bounced, name)
    }
  })

  for (const mta of ['postfix', 'sendmail'] as const) {
    test(`the figures of ${mta} are counted`, (t) => {
      const all = NEEDING.map((name) => passed.get(mta)?.get(name) ?? assert.fail(name))
      const figures = {
        unfit: all.filter(({ arrived }) => arrived && faultFor7bit(arrived) !== undefined).length,
        back: all.filter(({ bounced }) => bounced !== undefined).length,
        refused: all.filter(({ refused }) => refused !== undefined).length,
      }
      if (isOther(mta)) t.diagnostic(`${mta} ${version.get(mta)}: ${JSON.stringify(figures)}`)
      else assert.deepEqual(figures, FIGURES[mta])
    })
  }
})
