import { existsSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { parseArgs } from 'node:util'
import { haraka } from './haraka.ts'
import { noLoad } from './load.ts'
import type { Peer } from './peer.ts'
import { postfix } from './postfix.ts'
import { smail } from './smail.ts'
import { type Row, table } from './table.ts'
import { type Scenario, trial } from './trial.ts'

const USAGE = `usage: npm run bench -- [options]
  --spool DIR     where all servers have their queues (default: the system's temporary folder)
  --quick         fewer messages, one repetition
  --reps N        repetitions, of which the medians are told (default 3)
  --only NAMES    scenarios, divided by commas: accept, accept-d, relay, large
  --peers NAMES   servers, divided by commas: smail, postfix, haraka
  --json FILE     every single result
`

const KIB = 1024
const SCENARIOS: readonly Scenario[] = [
  { name: 'accept', mode: 'hold', octets: 4 * KIB, clients: 20, keep: false, count: 4000, warmUp: 600 },
  { name: 'accept-d', mode: 'hold', octets: 4 * KIB, clients: 20, keep: true, count: 6000, warmUp: 600 },
  { name: 'relay', mode: 'relay', octets: 4 * KIB, clients: 20, keep: false, count: 3000, warmUp: 400 },
  { name: 'large', mode: 'hold', octets: 10 * KIB * KIB, clients: 5, keep: false, count: 40, warmUp: 2 },
]
const PEERS: readonly Peer[] = [smail, postfix, haraka]

const chosen = <T extends { readonly name: string }>(all: readonly T[], names: string | undefined): readonly T[] => {
  if (names === undefined) return all
  return names.split(',').map((name) => {
    const found = all.find((one) => one.name === name)
    if (found === undefined) throw new Error(`There is no ${name}; there are ${all.map((one) => one.name).join(', ')}`)
    return found
  })
}

const say = (text: string): void => void process.stderr.write(`${text}\n`)

const main = async (): Promise<number> => {
  const { values } = parseArgs({
    options: {
      spool: { type: 'string', default: tmpdir() },
      quick: { type: 'boolean', default: false },
      reps: { type: 'string', default: '3' },
      only: { type: 'string' },
      peers: { type: 'string' },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(USAGE)
    return 0
  }
  const unable = process.platform === 'linux' ? noLoad() : 'it counts with /proc, which only Linux has'
  if (unable !== undefined) throw new Error(`The benchmark cannot run: ${unable}`)
  if (!existsSync(values.spool)) throw new Error(`${values.spool} does not exist`)
  const repetitions = values.quick ? 1 : Number(values.reps)
  if (!(repetitions >= 1)) throw new Error(`--reps ${values.reps} is no number of repetitions`)
  const scenarios = chosen(SCENARIOS, values.only).map((one) =>
    values.quick ? { ...one, count: Math.ceil(one.count / 4), warmUp: Math.ceil(one.warmUp / 2) } : one,
  )
  const peers = chosen(PEERS, values.peers).filter((peer) => {
    const why = peer.absent()
    if (why !== undefined) say(`${peer.name} is left out: ${why}`)
    return why === undefined
  })

  const rows: Row[] = []
  let failures = 0
  for (let repetition = 1; repetition <= repetitions; repetition++) {
    for (const scenario of scenarios) {
      for (const peer of peers) {
        try {
          const figures = await trial(peer, scenario, values.spool)
          rows.push({ scenario: scenario.name, peer: peer.name, figures })
          const rate = `${figures.perSecond.toFixed(0)}/s, ${figures.cpu.toFixed(3)} ms CPU a message`
          say(`${repetition}/${repetitions} ${scenario.name} ${peer.name}: ${rate}`)
        } catch (error) {
          failures++
          say(`${repetition}/${repetitions} ${scenario.name} ${peer.name}: failed: ${(error as Error).message}`)
        }
      }
    }
  }
  process.stdout.write(`\n${table(rows)}`)
  if (values.json !== undefined) {
    const machine = { cores: cpus().length, model: cpus()[0]?.model, node: process.version, spool: values.spool }
    writeFileSync(values.json, `${JSON.stringify({ at: new Date().toISOString(), machine, rows }, null, 2)}\n`)
  }
  return failures > 0 ? 1 : 0
}

try {
  process.exitCode = await main()
} catch (error) {
  say(`${(error as Error).message}\n\n${USAGE}`)
  process.exitCode = 64
}
