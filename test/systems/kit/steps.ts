import assert from 'node:assert/strict'
import type { QueueRow } from '../../../src/app/control-rows.ts'
import { readTime } from '../../../src/config/units.ts'
import { Client } from './client.ts'
import type { Letters, Mail, Step } from './format.ts'
import type { Letter } from './letter.ts'
import { faultOf, strayIds } from './log-lines.ts'
import { fits, paired } from './pattern.ts'
import { OURS, type Stage } from './stage.ts'
import type { System } from './system.ts'
import { greet, hand, talk } from './talk.ts'
import { wrongWith } from './wishes.ts'

/** Long times pass in pieces of this, in milliseconds, and from one due time to the next. */
const GRAIN = 3_600_000

const BREATH = 20_000

const HOME = '127.0.0.1'

/** What goes on from one step of a scene to the next. */
export class Play {
  readonly #stage: Stage
  readonly #clients: Map<string, Client> = new Map()
  readonly #drains: Map<string, Promise<void>> = new Map()
  #load: Promise<void> | undefined
  #looked = 0
  /** What the queue is like in the end, if a step says so. */
  #queued: readonly string[] | undefined

  constructor(stage: Stage) {
    this.#stage = stage
  }

  /** Rejects with what is not as the step has it. */
  async step(step: Step, where: string): Promise<void> {
    const { at = OURS, ...deeds } = step
    const [deed, ...more] = Object.keys(deeds).filter((key) => deeds[key as keyof typeof deeds] !== undefined)
    if (deed === undefined || more.length > 0) throw new Error(`${where} does not say one thing`)
    const system = this.#stage.systems.get(at)
    if (!system) throw new Error(`${where}: there is no system ${at}`)
    this.#queued = undefined
    await this.#do(step, system, where)
  }

  async #do(step: Step, system: System, where: string): Promise<void> {
    const { flow } = this.#stage
    if (step.mail) await this.#mail(step.mail, system, where)
    if (step.talk) await this.#talk(step.talk, system, where)
    if (step.load) await this.#loads(step.load, system, where)
    if (step.advance) await this.#advance(step.advance)
    if (step.mailboxes) await this.#mailboxes(step.mailboxes, system)
    if (step.hosts) await this.#hosts(step.hosts)
    if (step.arrived) await this.#arrived(step.arrived)
    if (step.connections) await this.#connections(step.connections)
    for (const [host, command] of Object.entries(step.asked ?? {})) await this.#asked(host, command)
    if (step.closed) await assert.rejects(Client.open(step.closed, HOME), { code: /^(ECONNREFUSED|ENOENT)$/ }, where)
    if (step.queue) await this.#queue(step.queue, system)
    if (step.log) await this.#log(step.log, system)
    for (const [path, text] of Object.entries(step.files ?? {})) system.write(path, text)
    if (step.dns !== undefined) this.#stage.dns(step.dns)
    if (step.certificate !== undefined) await system.writeCertificate(step.certificate)
    if (step.reload) await this.#reload(step.reload, system)
    if (step.command) await this.#command(step.command, system)
    if (step.drain === 'begins') this.#drains.set(system.name, system.drain())
    if (step.drain === 'ends') await flow.during(this.#drains.get(system.name) ?? Promise.reject(where), () => 'drain')
    if (step.start) await system.start()
  }

  async #open(system: System, by?: string, from: string = HOME): Promise<Client> {
    return this.#stage.flow.during(Client.open(await system.listens(by), from), () => 'a connection')
  }

  async #mail(mail: Mail, system: System, where: string): Promise<void> {
    const { flow } = this.#stage
    const client = await this.#open(system, mail.by)
    await flow.during(greet(client), () => `${where}: the greeting`)
    for (let count = 0; count < mail.times; count += 1) {
      const said = await flow.during(hand(client, mail), () => `${where}: a reply`)
      assert.ok(fits(said, mail.said), `${where}: ${said}`)
    }
    client.close()
  }

  async #talk(given: NonNullable<Step['talk']>, system: System, where: string): Promise<void> {
    const { as, from, by, says } =
      typeof given === 'string' ? { says: given } : { as: undefined, from: undefined, by: undefined, ...given }
    const client = this.#clients.get(as ?? '') ?? (await this.#open(system, by, from))
    if (as !== undefined) this.#clients.set(as, client)
    await this.#stage.flow.during(talk(client, says, where), () => `${where}: the other side says nothing`)
    if (as === undefined) client.close()
  }

  /** Mail comes on several connections while the steps that follow are done. */
  async #loads(load: NonNullable<Step['load']>, system: System, where: string): Promise<void> {
    if (load === 'ends')
      return await this.#stage.flow.during(this.#load ?? Promise.reject(where), () => 'the load should end')
    const connection = async () => {
      for (let count = 0; count < load.times; count += 1) {
        const client = await Client.open(await system.listens(load.by), HOME)
        await greet(client)
        const said = await hand(client, load)
        assert.ok(fits(said, load.said), `${where}: ${said}`)
        client.close()
      }
    }
    this.#load = Promise.all([1, 2, 3, 4].map(connection)).then(() => {})
    this.#load.catch(() => {})
  }

  async #advance(given: NonNullable<Step['advance']>): Promise<void> {
    const { clock } = this.#stage.flow
    if (typeof given !== 'string') return await this.#pass(readTime(given.time))
    await this.#calm()
    for (const until = clock.now() + readTime(given); clock.now() < until; ) {
      const due = [until, clock.now() + GRAIN]
      for (const { runs, mta } of this.#running()) {
        const next = runs ? await mta.spool.nextDue() : undefined
        if (next !== undefined && next > clock.now()) due.push(next)
      }
      await clock.leap(Math.min(...due) - clock.now())
      await this.#calm()
    }
  }

  /** Time passes though something is under way: in pieces that are short beside a lease, each renewed before the next. */
  async #pass(ms: number): Promise<void> {
    const { clock, during } = this.#stage.flow
    for (const until = clock.now() + ms; clock.now() < until; ) {
      await clock.leap(Math.min(until - clock.now(), BREATH))
      const answers = this.#running().map(({ mta }) => mta.spool.counts())
      await during(Promise.all(answers), () => 'the spool should answer')
    }
  }

  #running(): readonly System[] {
    return [...this.#stage.systems.values()].filter(({ runs }) => runs)
  }

  async #calm(): Promise<void> {
    await this.#stage.flow.until(
      async () => {
        const heard = this.#heard()
        for (const system of this.#running()) if (!(await system.calm())) return undefined
        // While one system was looked at, another may have handed mail to it.
        return heard === this.#heard() || undefined
      },
      () => 'what is due should be done',
    )
  }

  #heard(): number {
    return this.#running().reduce((sum, { heard }) => sum + heard, 0)
  }

  /** Mail that is on its way is waited for; then all must be as it should be. */
  async #mailboxes(wishes: Readonly<Record<string, Letters>>, system: System): Promise<void> {
    if (system.runs) await this.#calm()
    this.#hold(system.take(), wishes)
  }

  async #arrived(wishes: Readonly<Record<string, Letters>>): Promise<void> {
    await this.#calm()
    this.#hold(new Map([...this.#stage.hosts].map(([name, host]) => [name, host.take()])), wishes)
  }

  #hold(found: ReadonlyMap<string, readonly Letter[]>, wishes: Readonly<Record<string, Letters>>): void {
    const wrong = [...new Set([...found.keys(), ...Object.keys(wishes)])].flatMap((name) => {
      const letters = found.get(name) ?? []
      const wish = wishes[name] ?? []
      if (!('number' in wish)) return wrongWith(name, letters, wish) ?? []
      return letters.length === wish.number ? [] : [`${name} has ${letters.length} letters instead of ${wish.number}`]
    })
    assert.ok(wrong.length === 0, wrong.join('\n'))
  }

  async #hosts(given: NonNullable<Step['hosts']>): Promise<void> {
    for (const [name, { down, answers }] of Object.entries(given)) {
      const host = this.#stage.hosts.get(name)
      if (!host) throw new Error(`there is no host ${name}`)
      if (answers) host.answer(answers)
      if (down === true) await host.down()
      if (down === false) await host.up()
    }
  }

  async #connections(wishes: NonNullable<Step['connections']>): Promise<void> {
    await this.#calm()
    for (const [name, { least, most }] of Object.entries(wishes)) {
      const count = this.#stage.hosts.get(name)?.connections() ?? 0
      assert.ok(count >= least && count <= most, `${name} had ${count} connections, not ${least} to ${most}`)
    }
  }

  #asked(host: string, command: string): Promise<true> {
    return this.#stage.flow.until(
      () => {
        const all = host === 'dns' ? this.#stage.looked() : (this.#stage.hosts.get(host)?.asked ?? [])
        return all.some((one) => fits(one, command)) || undefined
      },
      () => `${host} should be asked ${command}`,
    )
  }

  async #queue(wishes: readonly string[], system: System): Promise<void> {
    await this.#calm()
    const rows = (await system.queue()).flatMap(linesOf)
    const { unmet, unwished } = paired(wishes, rows, fits)
    assert.ok(
      unmet.length + unwished.length === 0,
      `the queue lacks ${unmet.join(' | ')}\nand has ${unwished.join(' | ')}`,
    )
    this.#queued = wishes
  }

  /** These, in this order, since the last time; others may be between them. */
  async #log(wishes: readonly Readonly<Record<string, string>>[], system: System): Promise<void> {
    for (const wish of wishes) {
      this.#looked = await this.#stage.flow.until(
        () => {
          const at = system.events.findIndex(
            (event, index) =>
              index >= this.#looked && Object.entries(wish).every(([name, value]) => fits(wordOf(event[name]), value)),
          )
          return at < 0 ? undefined : at + 1
        },
        () => `a line of the log with ${JSON.stringify(wish)}`,
      )
    }
  }

  async #reload({ settings, says, code }: NonNullable<Step['reload']>, system: System): Promise<void> {
    this.#stage.settings(system.name, settings)
    await this.#command({ run: 'smail reload', input: '', says, code }, system)
  }

  async #command({ run, input, says, code }: NonNullable<Step['command']>, system: System): Promise<void> {
    const [first] = run.includes('$ID') ? await system.queue() : []
    const ended = await system.command(run.replaceAll('$ID', first?.id ?? '(none)'), input)
    assert.ok(ended.code === code && fits(ended.said, says), `${run}: ${ended.code}: ${ended.said}`)
  }

  /** What must be true when a scene is over: no mail that nobody spoke of, nothing in a queue that no step told of, a sound log. */
  async end(): Promise<void> {
    for (const client of this.#clients.values()) client.close()
    if (this.#load) await this.#stage.flow.during(this.#load, () => 'the load should end')
    const queued = this.#queued ?? []
    for (const system of this.#running()) {
      await this.#calm()
      this.#hold(system.take(), {})
      if (system.name !== OURS || this.#queued === undefined) await this.#queue([], system)
      if (queued.length === 0) assert.deepEqual(system.leftovers, [], `files of mail that is gone, in ${system.name}`)
    }
    this.#hold(new Map([...this.#stage.hosts].map(([name, host]) => [name, host.take()])), {})
    for (const system of this.#stage.systems.values()) await this.#sound(system)
  }

  async #sound(system: System): Promise<void> {
    const unfit = system.logLines.flatMap((line) => faultOf(line) ?? [])
    const stray = system.runs ? await strayIds(system.events, (id) => system.mta.spool.trace(id)) : []
    assert.deepEqual([...unfit, ...stray], [], `the log of ${system.name}`)
  }
}

const linesOf = ({ sender, recipients }: QueueRow): readonly string[] =>
  recipients.map(
    ({ address, fate, attempts, last }) =>
      `${sender} -> ${address}: ${fate}, ${attempts} tried, ${last ?? 'nothing said'}`,
  )

const wordOf = (value: unknown): string => (value === undefined ? '(none)' : String(value))
