import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Load, send, sink } from './load.ts'
import { freePort, type Peer, type Running } from './peer.ts'
import { cpuOf, cpuOfMachine, memoryOf } from './processes.ts'

export interface Scenario extends Load {
  readonly name: string
  readonly mode: 'hold' | 'relay'
  /** Messages for a peer whose pace is 1. */
  readonly count: number
  /** Those before them that do not count, for a peer whose warmth is 1. */
  readonly warmUp: number
}

/** What one run of one scenario on one server came to. */
export interface Figures {
  readonly messages: number
  readonly seconds: number
  readonly perSecond: number
  readonly mibPerSecond: number
  /** Milliseconds of CPU of the server, a message. */
  readonly cpu: number
  /** MiB: the highest seen. */
  readonly resident: number
  readonly proportional: number
  /** CPU that neither the server nor idleness had: load, kernel threads, and whoever disturbed us. As a share of one core. */
  readonly elsewhere: number
}

const SAMPLE_MS = 500

/** Runs a scenario once on an empty spool below `spools`. Throws when any message is missing at the end. */
export const trial = async (peer: Peer, scenario: Scenario, spools: string): Promise<Figures> => {
  const base = mkdtempSync(`${spools}/smail-bench-`)
  // Servers change their user and must get at their own.
  chmodSync(base, 0o711)
  const setup = { spool: `${base}/spool`, folder: `${base}/etc`, port: await freePort(), sink: await freePort() }
  for (const folder of [setup.spool, setup.folder]) mkdirSync(folder, { mode: 0o755 })
  const running = await peer.start({ ...setup, mode: scenario.mode })
  let figures: Figures
  try {
    figures = await measured(peer, scenario, running, setup)
  } finally {
    await running.stop()
  }
  rmSync(base, { recursive: true })
  return figures
}

const measured = async (
  peer: Peer,
  scenario: Scenario,
  running: Running,
  { port, sink: to, folder }: { readonly port: number; readonly sink: number; readonly folder: string },
): Promise<Figures> => {
  const log = `${folder}/load.log`
  const isRelay = scenario.mode === 'relay'
  const warmUp = Math.round(scenario.warmUp * peer.warmth)
  const messages = Math.round(scenario.count * peer.pace)
  const arrivals = isRelay ? await sink(warmUp + messages, to, log) : undefined
  try {
    await send(warmUp, port, scenario, log)
    if (isRelay) await emptied(running)
    const before = running.queued()
    const figures = await watched(running, scenario, messages, async () => {
      await send(messages, port, scenario, log)
      await arrivals?.all()
    })
    // The sink ends before it answers the last message, which is then to be sent again.
    if (isRelay) await emptied(running, 1)
    const kept = running.queued() - before
    if (isRelay ? kept > 1 : kept !== messages) {
      throw new Error(`${peer.name} has ${kept} messages in its queue, of ${messages}; see ${folder}`)
    }
    return figures
  } finally {
    arrivals?.stop()
  }
}

const watched = async (
  running: Running,
  { octets }: Scenario,
  messages: number,
  work: () => Promise<void>,
): Promise<Figures> => {
  let memory = memoryOf(running.pid)
  const sampling = setInterval(() => {
    const { resident, proportional } = memoryOf(running.pid)
    if (resident > memory.resident) memory = { resident, proportional }
  }, SAMPLE_MS)
  const [cpu, machine, start] = [cpuOf(running.pid), cpuOfMachine(), performance.now()]
  await work()
  const ms = performance.now() - start
  const used = cpuOf(running.pid) - cpu
  const elsewhere = (cpuOfMachine() - machine - used) / ms
  clearInterval(sampling)
  return {
    messages,
    seconds: ms / 1000,
    perSecond: (messages / ms) * 1000,
    mibPerSecond: ((messages * octets) / 1024 / 1024 / ms) * 1000,
    cpu: used / messages,
    ...memory,
    elsewhere,
  }
}

/** What was relayed leaves the queue a little later than it reaches the sink. */
const emptied = async (running: Running, left = 0): Promise<void> => {
  for (let tries = 0; running.queued() > left && tries < 200; tries++) await sleep(50)
}
