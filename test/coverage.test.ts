import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { describe, test } from 'node:test'
import { real } from './doubles/real-extensions.ts'

/** IANA's registry of SMTP service extensions, in its order. */
const REGISTRY = [
  'SEND SOML SAML EXPN HELP TURN 8BITMIME SIZE VERB ONEX CHUNKING BINARYMIME CHECKPOINT DELIVERBY PIPELINING DSN ETRN',
  'ENHANCEDSTATUSCODES STARTTLS NO-SOLICITING MTRK SUBMITTER ATRN AUTH BURL FUTURERELEASE CONPERM CONNEG SMTPUTF8',
  'MT-PRIORITY RRVS REQUIRETLS LIMITS',
].flatMap((line) => line.split(' '))

/** Those that are still to come: they do something in sessions or need to know who is there. */
const TO_COME = new Set('SEND SOML SAML TURN VERB ONEX ETRN ATRN BURL'.split(' '))

test('every entry of the registry has its file, or is known to be still to come', () => {
  assert.equal(new Set(REGISTRY).size, 33)
  const files = new Set(globSync('src/extensions/*.ts').map((file) => basename(file, '.ts')))
  const there = REGISTRY.filter((keyword) => files.has(keyword.toLowerCase()))
  assert.deepEqual(
    REGISTRY.filter((keyword) => !there.includes(keyword)),
    REGISTRY.filter((keyword) => TO_COME.has(keyword)),
  )
})

/** The registry's columns of those that are built: verbs; parameters of MAIL and of RCPT, VRFY's and EXPN's among the latter. */
const COLUMNS: Readonly<Record<string, string>> = {
  AUTH: 'AUTH | AUTH |',
  EXPN: 'EXPN | |',
  HELP: 'HELP | |',
  '8BITMIME': '| BODY |',
  SIZE: '| SIZE |',
  CHUNKING: 'BDAT | |',
  BINARYMIME: '| BODY |',
  CHECKPOINT: '| TRANSID |',
  DELIVERBY: '| BY |',
  PIPELINING: '| |',
  DSN: '| RET ENVID | NOTIFY ORCPT',
  ENHANCEDSTATUSCODES: '| |',
  STARTTLS: 'STARTTLS | |',
  'NO-SOLICITING': '| SOLICIT |',
  MTRK: '| MTRK |',
  SUBMITTER: '| SUBMITTER |',
  FUTURERELEASE: '| HOLDFOR HOLDUNTIL |',
  CONPERM: '| CONPERM |',
  CONNEG: '| | CONNEG',
  SMTPUTF8: '| SMTPUTF8 | SMTPUTF8 SMTPUTF8',
  'MT-PRIORITY': '| MT-PRIORITY |',
  RRVS: '| | RRVS',
  REQUIRETLS: '| REQUIRETLS |',
  LIMITS: '| |',
}

test('each has the verbs and parameters that the registry says it has, and no others', () => {
  const built = Object.fromEntries(
    real
      .filter(({ keyword }) => REGISTRY.includes(keyword))
      .map(({ keyword, server, params = {} }) => {
        const { MAIL = [], ...others } = params
        const names = (list: typeof MAIL) => list.flatMap(({ name, unsaid }) => (unsaid ? [] : [name])).join(' ')
        const columns = [Object.keys(server?.verbs ?? {}).join(' '), names(MAIL), names(Object.values(others).flat())]
        return [keyword, columns.join(' | ').replace(/ +/g, ' ').trim()]
      }),
  )
  assert.deepEqual(built, COLUMNS)
})

interface Said {
  /** What the last EHLO or LHLO put on offer. */
  readonly offered: ReadonlySet<string>
  readonly command: string
  /** The first reply behind it. */
  readonly reply: string
}

/** The commands of a dialogue with their replies, in words that both kinds of files share; a group is answered in its order. */
const dialogue = (file: string): readonly Said[] => {
  const said: Said[] = []
  let offered = new Set<string>()
  let waiting: string[] = []
  let lines: string[] = []
  const answer = () => {
    const replies: string[] = []
    let first = ''
    for (const line of lines) {
      first ||= line
      if (!/^\d{3}-/.test(line)) {
        replies.push(first)
        first = ''
      }
    }
    for (const [index, command] of waiting.entries()) {
      said.push({ offered, command, reply: replies[index] ?? '' })
      if (/^[EL]HLO /i.test(command)) offered = new Set(lines.map((line) => line.slice(4).split(' ')[0] ?? ''))
      if (/^HELO /i.test(command)) offered = new Set()
    }
    waiting = []
    lines = []
  }
  for (const line of readFileSync(file, 'latin1').split('\n')) {
    if (line.startsWith('C: ') || /^C- [A-Z]{4} /.test(line)) {
      if (lines.length > 0) answer()
      waiting.push(line.slice(3))
    } else if (line.startsWith('S: ')) lines.push(line.slice(3))
  }
  answer()
  return said
}

describe('each extension has dialogues of its own', () => {
  for (const extension of real) {
    const { keyword, client, server, silent, params = {} } = extension
    const folder = keyword.toLowerCase()
    const served = globSync(`test/transcripts/${folder}/*.smtp`).map(dialogue)
    const hops = globSync(`test/relay/${folder}/*.hop`).map(dialogue)
    const on = (said: readonly Said[]) => said.some(({ offered }) => offered.has(keyword))
    const off = (said: readonly Said[]) => said.some(({ offered }) => !offered.has(keyword))

    if (server && !silent) {
      test(`${keyword}: offered, and not on offer`, () => {
        assert.ok(served.some(on), 'nowhere on offer')
        assert.ok(served.some(off), 'everywhere on offer')
      })
    }
    const words = Object.entries(params).flatMap(([verb, list]) =>
      list.filter(({ unsaid }) => !unsaid).map(({ name }) => ({ verb, name })),
    )
    for (const { verb, name } of words) {
      const uses = ({ command }: Said) => new RegExp(`^${verb} .*[ ]${name}(?:[= ]|$)`, 'i').test(command)
      test(`${keyword}: ${verb}'s ${name} used, malformed, and where it is not on offer`, () => {
        const all = served.flat().filter(uses)
        const here = all.filter(({ offered }) => offered.has(keyword))
        assert.ok(
          here.some(({ reply }) => /^[23]/.test(reply)),
          'never taken',
        )
        assert.ok(
          here.some(({ reply }) => /^5/.test(reply)),
          'never refused where it is on offer',
        )
        assert.ok(
          all.some(({ offered, reply }) => !offered.has(keyword) && /^5/.test(reply)),
          'never refused where it is not',
        )
      })
    }
    for (const verb of Object.keys(server?.verbs ?? {})) {
      test(`${keyword}: the verb ${verb} used`, () => {
        const uses = served.flat().filter(({ command }) => command.toUpperCase().startsWith(verb))
        assert.ok(
          uses.some(({ reply }) => /^[23]/.test(reply)),
          'never taken',
        )
        assert.ok(
          uses.some(({ reply }) => /^5/.test(reply)),
          'never refused',
        )
      })
    }
    if (client && !silent) {
      test(`${keyword}: with a hop that has it, and with one that lacks it`, () => {
        assert.ok(hops.some(on), 'no hop has it')
        assert.ok(hops.some(off), 'every hop has it')
      })
    }
  }
})

/** RFC 5321 4.5.3.1.4: without parameters. */
const BARE = 512
/** What `MAIL` and `RCPT` may have here; see `base-verbs.ts`. */
const LONGEST: Readonly<Record<string, number>> = { MAIL: 4096, RCPT: 2048 }

test('a command line has room for the longest of all its parameters together', () => {
  for (const [verb, longest] of Object.entries(LONGEST)) {
    const byName = new Map<string, number>()
    for (const { name, maxOctets } of real.flatMap(({ params }) => params?.[verb] ?? [])) {
      byName.set(name, Math.max(byName.get(name) ?? 0, maxOctets))
    }
    const sum = [...byName.values()].reduce((all, one) => all + one, BARE)
    assert.ok(sum <= longest, `${verb}: ${sum} octets`)
  }
})

/** The true maxima where RFCs miscount, and theirs elsewhere: what the parameter adds to the line, its space included. */
const TRUE_MAXIMA: Readonly<Record<string, number>> = {
  AUTH: 500,
  SIZE: 26,
  'BODY=BINARYMIME': 16,
  TRANSID: 89,
  BY: 17,
  RET: 9,
  ENVID: 107,
  MTRK: 43,
  SOLICIT: 1009,
  HOLDFOR: 18,
  HOLDUNTIL: 75,
  CONPERM: 8,
  SMTPUTF8: 9,
  'MT-PRIORITY': 15,
  REQUIRETLS: 11,
  NOTIFY: 29,
  ORCPT: 507,
  CONNEG: 7,
  RRVS: 33,
  SUBMITTER: 971,
}

test('parameters are as long as they may be, not as RFCs have miscounted', () => {
  const told = new Map(
    real.flatMap(({ params = {} }) =>
      Object.values(params)
        .flat()
        .map(({ name, values, maxOctets }) => [name === 'BODY' ? `BODY=${values?.at(-1)}` : name, maxOctets] as const),
    ),
  )
  for (const [name, octets] of Object.entries(TRUE_MAXIMA)) assert.equal(told.get(name), octets, name)
})
