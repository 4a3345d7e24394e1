import { mkdtempSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { type DnsServer, dnsServer, type Script } from '../../doubles/dns-server.ts'
import { createFlow, type Flow } from './flow.ts'
import type { HostGiven, Scene, System as SystemFile } from './format.ts'
import { Host } from './host.ts'
import { scriptOf } from './records.ts'
import { System } from './system.ts'

/** Everything there is in a scene: our systems, the hosts and the name server of the others, and the time. */
export interface Stage {
  readonly scene: Scene
  readonly flow: Flow
  readonly systems: ReadonlyMap<string, System>
  readonly hosts: ReadonlyMap<string, Host>
  /** What the settings of a system say, `more` laid over them section by section. */
  settings(system: string, more: Readonly<Record<string, unknown>>): void
  dns(records: string): void
  /** What the name server was asked so far: `MX there.test`. */
  looked(): readonly string[]
  end(): Promise<void>
}

/** The system that a step is about when it does not say. */
export const OURS = 'ours'

const COMMON = readFileSync(new URL('../settings.yaml', import.meta.url), 'utf8')

const LEAST_PORT = 10_001
const MOST_PORT = 32_000

/** A port that is free on 127.0.0.1, not one of those that the system gives to connections. */
const freePort = async (): Promise<number> => {
  const port = LEAST_PORT + Math.floor(Math.random() * (MOST_PORT - LEAST_PORT))
  const server = createServer()
  const free = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true))
  })
  await new Promise((resolve) => server.close(resolve))
  return free ? port : freePort()
}

/** The project's folder: `$ROOT`. */
const ROOT = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '')

/** What a file of scenes can speak of before it is known. */
export interface Places {
  /** Which all mail hosts listen on: `$PORT`. */
  readonly port: number
  /** The name server: `$DNS`. */
  readonly dns: string
  /** The folder of our system: `$HERE`. */
  readonly here: string
}

export const placed = (text: string, { port, dns, here }: Places): string =>
  text.replaceAll('$PORT', String(port)).replaceAll('$DNS', dns).replaceAll('$HERE', here).replaceAll('$ROOT', ROOT)

/** Puts on a scene of a file, as it stands there. */
export const setStage = async (read: (places: Places) => readonly [SystemFile, Scene]): Promise<Stage> => {
  const flow = createFlow()
  const top = mkdtempSync(join(tmpdir(), 'smail-system-'))
  let answer: Script = scriptOf('')
  const port = await freePort()
  const dns: DnsServer = await dnsServer((query) => answer(query))
  const places = { port, dns: dns.address, here: join(top, OURS) }
  const [file, scene] = read(places)
  answer = scriptOf(`${file.dns}\n${scene.dns}`)
  const common = parse(placed(COMMON, places))

  const others = { ...file.others, ...scene.others }
  const given = new Map<string, Record<string, unknown>>([
    [OURS, { ...common, ...file.settings, ...scene.settings }],
    ...Object.entries(others).map(([name, own]): [string, Record<string, unknown>] => [name, { ...common, ...own }]),
  ])
  const systems = new Map<string, System>()
  const hosts = new Map<string, Host>()
  const end = async () => {
    for (const system of systems.values()) await flow.during(system.stop(), () => `${system.name} should stop`)
    for (const host of hosts.values()) await host.down()
    await dns.close()
    await rm(top, { recursive: true, force: true })
  }
  try {
    for (const [name, options] of Object.entries({ ...file.hosts, ...scene.hosts })) {
      const host = new Host({ name, port, ...hostOf(name, options) })
      hosts.set(name, host)
      if (!options.down) await host.up()
    }
    for (const [name, settings] of given) {
      const system = new System(name, join(top, name), flow)
      systems.set(name, system)
      system.writeSettings(settings)
      for (const [path, text] of Object.entries({ ...file.files, ...scene.files })) system.write(path, text)
      if (scene.certificate !== undefined) await system.writeCertificate(scene.certificate)
      await system.start()
    }
  } catch (error) {
    await end()
    throw error
  }
  return {
    scene,
    flow,
    systems,
    hosts,
    settings(name, more) {
      systems.get(name)?.writeSettings({ ...given.get(name), ...more })
    },
    dns(records) {
      answer = scriptOf(records)
    },
    looked: () => dns.queries.map(({ type, name }) => `${type} ${name}`),
    end,
  }
}

const hostOf = (
  name: string,
  { at, offers = ['PIPELINING', '8BITMIME', 'SIZE 10000000'], answers = {} }: HostGiven,
) => {
  if (at === undefined) throw new Error(`host ${name} has no address`)
  return { address: at, offers, answers }
}
