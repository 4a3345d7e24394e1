import { type ChildProcess, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from './ports.ts'
import type { Scene } from './scene.ts'
import { until } from './until.ts'

const SMAIL = fileURLToPath(new URL('../../bin/smail', import.meta.url))

/** A line of its log. */
export interface Event {
  readonly event: string
  readonly [field: string]: unknown
}

export interface Smail {
  /** One offers all we have, the other no STARTTLS. Mail for anybody is relayed. */
  readonly ports: Ports
  readonly folder: string
  /** All it has said so far. */
  log(): string
  events(name: string): readonly Event[]
  /** The Maildir of one of its users. */
  maildir(user: string): string
  /** What one of our commands prints that asks the running instance. */
  command(...args: readonly string[]): Promise<string>
  start(): Promise<void>
  /** By SIGTERM; resolves when it has ended of itself. Rejects when it did not end as it should. */
  stop(): Promise<void>
  /** By SIGKILL. */
  kill(): Promise<void>
}

/** Of 127.0.0.1, free when they were looked for, so that others can be told of them before Smail starts. */
export interface Ports {
  readonly tls: number
  readonly clear: number
}

export const freePorts = async (): Promise<Ports> => ({ tls: await freePort(), clear: await freePort() })

export interface SmailOptions {
  readonly hostname?: string
  /** Its own; it has the users `alice` and `bob` there. */
  readonly domain?: string
  /** Where it listens; see `Ports`. */
  readonly ports?: Ports
  /** More for its environment. */
  readonly env?: Readonly<Record<string, string>>
  /** Laid over the settings, section by section. */
  readonly settings?: Readonly<Record<string, unknown>>
}

/** Our own MTA, as its users run it: a process with a settings file. It runs on return. */
export const startSmail = async (scene: Scene, options: SmailOptions = {}): Promise<Smail> => {
  const { domain = 'ours.test', hostname = `mx.${domain}` } = options
  const folder = scene.folder(hostname)
  const ports = options.ports ?? (await freePorts())
  const file = join(folder, 'smail.yaml')
  // JSON is YAML.
  writeFileSync(file, JSON.stringify({ ...settingsIn(folder, hostname, domain, ports), ...options.settings }))
  const smail = new SmailProcess(folder, file, ports, options.env ?? {})
  scene.atEnd(() => smail.kill())
  await smail.start()
  return smail
}

const settingsIn = (folder: string, hostname: string, domain: string, ports: Ports): object => ({
  hostname,
  domains: [domain],
  listen: {
    mx: { smtp: [`127.0.0.1:${ports.tls}`] },
    clear: { smtp: [`127.0.0.1:${ports.clear}`], extensions: { starttls: 'off' } },
  },
  tls: { 'self-signed': true },
  directors: { users: { users: { from: { names: ['alice', 'bob'] }, root: join(folder, 'mail') } } },
  spool: { sqlite: { path: join(folder, 'spool') } },
  control: { socket: join(folder, 'control.sock') },
  drop: { directory: join(folder, 'drop') },
  dns: { servers: ['127.0.0.1:9'], timeout: '1s' },
})

class SmailProcess implements Smail {
  readonly folder: string
  readonly ports: Ports
  readonly #file: string
  #child: ChildProcess | undefined
  #ended: Promise<string> = Promise.resolve('')
  #log = ''
  readonly #env: Readonly<Record<string, string>>

  constructor(folder: string, file: string, ports: Ports, env: Readonly<Record<string, string>>) {
    this.#env = env
    this.folder = folder
    this.#file = file
    this.ports = ports
  }

  log(): string {
    return this.#log
  }

  events(name: string): readonly Event[] {
    return this.#lines().filter(({ event }) => event === name)
  }

  #lines(): readonly Event[] {
    const whole = this.#log.slice(0, this.#log.lastIndexOf('\n') + 1)
    return whole
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Event)
  }

  maildir(user: string): string {
    return join(this.folder, 'mail', user, 'Maildir')
  }

  async command(...args: readonly string[]): Promise<string> {
    const child = spawn(process.execPath, [SMAIL, ...args, '--config', this.#file], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (said += text))
    }
    const code = await new Promise((resolve) => child.once('close', resolve))
    if (code !== 0) throw new Error(`smail ${args.join(' ')} ended with ${code}:\n${said}`)
    return said
  }

  async start(): Promise<void> {
    const before = this.events('started').length
    const child = spawn(process.execPath, [SMAIL, 'run', '--config', this.#file], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...this.#env },
    })
    this.#child = child
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (this.#log += text))
    }
    let end: string | undefined
    this.#ended = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        end = String(signal ?? code)
        resolve(end)
      })
    })
    await until(
      () => {
        if (end !== undefined) throw new Error(`Smail ended at once (${end}):\n${this.#log}`)
        return this.events('started').length > before || undefined
      },
      () => `Smail should start:\n${this.#log}`,
    )
  }

  async stop(): Promise<void> {
    this.#child?.kill('SIGTERM')
    const end = await this.#ended
    if (end !== '0') throw new Error(`Smail ended with ${end} at SIGTERM:\n${this.#log}`)
  }

  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL')
    await this.#ended
  }
}
