import { chmodSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { createMta } from '../../../src/app/compose.ts'
import { type ControlServer, serveControl } from '../../../src/app/control.ts'
import { controlActions } from '../../../src/app/control-actions.ts'
import type { QueueRow } from '../../../src/app/control-rows.ts'
import { type LoadedWith, loadAll } from '../../../src/app/load-all.ts'
import type { Mta } from '../../../src/app/mta.ts'
import { main } from '../../../src/cli/main.ts'
import { selfSigned } from '../../../src/net/self-signed.ts'
import type { Log } from '../../../src/observe/log.ts'
import { jsonLog, prettyLog } from '../../../src/observe/log-lines.ts'
import type { Flow } from './flow.ts'
import { type Letter, storedLetter } from './letter.ts'

/** A line of the log. */
export type Event = Readonly<Record<string, unknown>> & { readonly event: string }

/** One whole MTA: what `smail run` runs, on a clock of ours. All its files are in one folder. */
export class System {
  readonly name: string
  readonly folder: string
  readonly #flow: Flow
  readonly #lines: string[] = []
  readonly #pretty: string[] = []
  readonly #seen: Set<string> = new Set()
  #leaving = false
  #mta: Mta | undefined
  #control: ControlServer | undefined

  constructor(name: string, folder: string, flow: Flow) {
    this.name = name
    this.folder = folder
    this.#flow = flow
    mkdirSync(folder)
  }

  get #file(): string {
    return join(this.folder, 'smail.yaml')
  }

  get mta(): Mta {
    if (this.#mta === undefined) throw new Error(`${this.name} does not run`)
    return this.#mta
  }

  /** And is not about to end. */
  get runs(): boolean {
    return this.#mta !== undefined && !this.#leaving
  }

  /** JSON is YAML. */
  writeSettings(settings: Readonly<Record<string, unknown>>): void {
    writeFileSync(this.#file, JSON.stringify(settings, undefined, 1), { mode: 0o600 })
  }

  /** Text into a file of its folder. Its time is never that of a version before. */
  write(path: string, text: string): void {
    const file = join(this.folder, path)
    mkdirSync(join(file, '..'), { recursive: true })
    writeFileSync(file, text)
    chmodSync(file, 0o600)
  }

  async writeCertificate(name: string): Promise<void> {
    const { certificate, key } = await selfSigned(name, this.#flow.clock.now(), 30)
    this.write('tls.crt', certificate)
    this.write('tls.key', key)
  }

  #load(): Promise<LoadedWith> {
    return loadAll({ file: this.#file, env: { HOME: this.folder } })
  }

  async start(): Promise<void> {
    const loaded = await this.#load()
    if ('faults' in loaded) throw new Error(loaded.faults.join('\n'))
    const { settings, modules } = loaded
    const { clock } = this.#flow
    const both = [
      jsonLog((line) => this.#lines.push(line), { clock, least: 'debug' }),
      prettyLog((line) => this.#pretty.push(line), true, { clock, least: 'debug' }),
    ]
    const log: Log = { event: (...given) => both.forEach((one) => void one.event(...given)) }
    const mta = await createMta(settings, { clock, log, modules })
    await this.#flow.during(mta.start(), () => `${this.name} should start`)
    this.#mta = mta
    const actions = controlActions(mta, {
      clock,
      load: () => this.#load(),
      end: () => {},
    })
    const { socket: path, mode } = settings.control
    this.#control = await serveControl({ path, mode, actions, clock, log })
  }

  /** Resolves once it has ended. */
  async drain(): Promise<void> {
    this.#leaving = true
    await this.mta.drain()
    await this.#ended()
  }

  async stop(): Promise<void> {
    await this.#mta?.stop()
    await this.#ended()
  }

  async #ended(): Promise<void> {
    this.#mta = undefined
    this.#leaving = false
    await this.#control?.close()
    this.#control = undefined
  }

  /** Where a listener listens; the first one if none is named. */
  async listens(listener?: string): Promise<string> {
    const { listeners } = await this.mta.status()
    const found = listeners.find(({ name }) => listener === undefined || name === listener)
    if (!found) throw new Error(`${this.name} has no listener ${listener}`)
    return found.address
  }

  /** What a command says, and its exit code. */
  async command(line: string, input = ''): Promise<{ readonly said: string; readonly code: number }> {
    const streams = [new PassThrough(), new PassThrough()] as const
    let said = ''
    for (const stream of streams) stream.setEncoding('utf8').on('data', (text: string) => (said += text))
    const [stdout, stderr] = streams
    const env = { HOME: this.folder, SMAIL_CONTROL: join(this.folder, 'control.sock') }
    const io = { stdin: Readable.from([Buffer.from(input)]), stdout, stderr, env }
    const [name = '', ...words] = line.split(' ')
    const code = await this.#flow.during(main(name, words, io), () => `${line} should end`)
    return { said, code }
  }

  /** What `smail queue list` lists. */
  async queue(): Promise<readonly QueueRow[]> {
    const { said, code } = await this.command('smail queue list --json')
    if (code !== 0) throw new Error(said)
    return said
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line))
  }

  /** Whether all that is due is done, but for destinations that rest. */
  async calm(): Promise<boolean> {
    const { spool } = this.mta
    if ((await spool.counts()).waiting === 0) return true
    const now = this.#flow.clock.now()
    const resting = new Set<string | null>((await spool.rests.list(now)).map(({ lane }) => lane))
    const open = await spool.list({ most: 500, match: { fate: 'waiting' } })
    return open
      .flatMap(({ recipients }) => recipients)
      .every(({ fate, lane }) => fate.is !== 'waiting' || fate.due > now || resting.has(lane))
  }

  /** What is in Maildirs and was not taken yet, by user. */
  get letters(): ReadonlyMap<string, readonly Letter[]> {
    const paths = globSync('mail/*/Maildir/new/*', { cwd: this.folder }).filter((path) => !this.#seen.has(path))
    const letters = new Map<string, Letter[]>()
    for (const path of paths) {
      const user = path.split('/')[1] ?? ''
      const letter = storedLetter(readFileSync(join(this.folder, path), 'latin1'))
      letters.set(user, [...(letters.get(user) ?? []), letter])
    }
    return letters
  }

  take(): ReadonlyMap<string, readonly Letter[]> {
    const { letters } = this
    for (const path of globSync('mail/*/Maildir/new/*', { cwd: this.folder })) this.#seen.add(path)
    return letters
  }

  /** Files that a spool on the disk has for mail that is there or is coming. */
  get leftovers(): readonly string[] {
    return globSync('spool/{drafts,bodies}/**/*', { cwd: this.folder, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => name)
  }

  get events(): readonly Event[] {
    return this.#lines.map((line) => JSON.parse(line))
  }

  get logLines(): readonly string[] {
    return [...this.#lines, ...this.#pretty]
  }

  /** Lines of its log so far. */
  get heard(): number {
    return this.#lines.length
  }
}
