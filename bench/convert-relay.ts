import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { handTo } from '../test/peers/client.ts'
import { endlessSink, noLoad } from './load.ts'
import { freePort, type Peer, type Running } from './peer.ts'
import { postfix } from './postfix.ts'
import { cpuOf } from './processes.ts'
import { sendmail } from './sendmail.ts'
import { smail } from './smail.ts'

const MIB = 1 << 20
const ROUNDS = 5
/** Of one round, each by a client of its own. */
const MESSAGES = 8
const CLIENTS = 2

/** Seconds for a MiB. */
interface Cost {
  readonly time: number
  /** On processors, of all processes of the MTA. */
  readonly cpu: number
}

const least = (costs: readonly Cost[], what: keyof Cost): number => Math.min(...costs.map((cost) => cost[what]))

const round = async (running: Running, port: number, mail: Buffer): Promise<Cost> => {
  const [cpu, start] = [cpuOf(running.pid), performance.now()]
  let left = MESSAGES
  const client = async () => {
    while (left-- > 0) {
      await handTo(port, { from: 'a@bench.test', to: ['b@dest.test'], body: mail, mail: ' BODY=8BITMIME' })
    }
  }
  await Promise.all(Array.from({ length: CLIENTS }, client))
  while (running.queued() > 0) await sleep(5)
  const size = (MESSAGES * mail.length) / MIB
  return { time: (performance.now() - start) / 1000 / size, cpu: (cpuOf(running.pid) - cpu) / 1000 / size }
}

/** To a sink that takes 8-bit mail, and to one that does not, in turns. */
const measured = async (peer: Peer, mail: Buffer): Promise<{ readonly eight: Cost[]; readonly seven: Cost[] }> => {
  const base = mkdtempSync(`${tmpdir()}/smail-bench-`)
  chmodSync(base, 0o711)
  const setup = { spool: `${base}/spool`, folder: `${base}/etc`, port: await freePort(), sink: await freePort() }
  for (const folder of [setup.spool, setup.folder]) mkdirSync(folder, { mode: 0o755 })
  const running = await peer.start({ ...setup, mode: 'relay' })
  const found = { eight: [] as Cost[], seven: [] as Cost[] }
  try {
    // The first rounds are for the compiler and the caches.
    for (let count = -1; count < ROUNDS; count++) {
      for (const what of ['eight', 'seven'] as const) {
        const stop = await endlessSink(setup.sink, what === 'eight', `${setup.folder}/sink.log`)
        const cost = await round(running, setup.port, mail)
        await stop()
        if (count >= 0) found[what].push(cost)
      }
    }
  } finally {
    await running.stop()
  }
  rmSync(base, { recursive: true })
  return found
}

const cell = (value: number, digits = 0): string => value.toFixed(digits).padStart(12)

/** What conversion costs a whole MTA, through which 10 MiB go with and without it. */
export const relayTable = async (mail: Buffer): Promise<string> => {
  const unable = process.platform === 'linux' ? noLoad() : 'it counts with /proc, which only Linux has'
  if (unable !== undefined) return `relaying is not measured: ${unable}\n`
  const heads = ['8-bit', '7-bit', 'ratio', 'CPU 8-bit', 'CPU 7-bit', 'ratio', 'conversion']
  let table = `${'relay, MiB/s; of a CPU'.padEnd(24)}${heads.map((head) => head.padStart(12)).join('')}\n`
  for (const peer of [smail, postfix, sendmail]) {
    const why = peer.absent()
    if (why !== undefined) {
      table += `${peer.name} is left out: ${why}\n`
      continue
    }
    const { eight, seven } = await measured(peer, mail)
    const rates = (['time', 'cpu'] as const).map((what) => [1 / least(eight, what), 1 / least(seven, what)] as const)
    const extra = 1 / (least(seven, 'cpu') - least(eight, 'cpu'))
    const cells = rates.map(([to8 = 0, to7 = 0]) => `${cell(to8)}${cell(to7)}${cell(to7 / to8, 2)}`)
    table += `${peer.name.padEnd(24)}${cells.join('')}${cell(extra)}\n`
  }
  return table
}
