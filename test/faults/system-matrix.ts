import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Mail, sendMail } from './system-client.ts'
import { Died, type MtaProcess, mtaProcess } from './system-mta.ts'
import { type Host, makeHost } from './system-sink.ts'
import { makeSite, type Site, USERS } from './system-site.ts'

/** One kind of mail, whose way through the MTA is interrupted everywhere. */
export interface Scenario {
  readonly name: string
  mail(token: string): Mail
  /** Commands of a session as one group, for fewer steps. */
  readonly pipelined: boolean
  /** Steps before this one, or after that one, are another scenario's. */
  readonly from?: string
  readonly until?: string
  /** Every mail finds its mailbox missing. */
  readonly freshMailbox?: true
  /** The mail waits, its delivery interrupted here, and it is the start after that which is interrupted. */
  readonly restartAfter?: string
}

/** What one run came to. Copies are counted for each recipient, in the order of the mail's. */
export interface Run {
  readonly point: string
  readonly reached: boolean
  readonly acknowledged: boolean
  readonly recipients: readonly Copies[]
  /** Reports of failure, to the sender. */
  readonly reports: Copies
  /** Different ones among them, in the end. */
  readonly differentReports: number
  /** Of what can be seen in mailboxes and at the host, what is neither the mail as it was sent nor a report. */
  readonly strange: readonly string[]
  /** Files left in the spool, and recipients that still wait. */
  readonly leftovers: readonly string[]
}

/** `delivered` and `waiting` when the process was dead, before another was started. */
export interface Copies {
  readonly delivered: number
  readonly waiting: number
  readonly inTheEnd: number
}

/** A mailbox, a host and a spool, on which processes live and die one after the other. */
export class Lane {
  readonly #host: Host
  readonly #site: Site
  readonly #trace: string
  readonly #env: Readonly<Record<string, string>>
  #process: MtaProcess
  #standby: MtaProcess
  #port = 0
  #runs = 0

  private constructor(host: Host, mistake: string | undefined) {
    this.#host = host
    this.#env = mistake === undefined ? {} : { SYSTEM_MISTAKE: mistake }
    this.#site = makeSite({ relay: host.port })
    this.#trace = join(this.#site.folder, 'trace')
    this.#process = this.#make()
    this.#standby = this.#make()
  }

  #make(): MtaProcess {
    return mtaProcess({ trace: this.#trace, env: this.#env })
  }

  /** With a mistake, if the spool is to make one. */
  static async open(mistake?: string): Promise<Lane> {
    const lane = new Lane(await makeHost(), mistake)
    // What was compiled is written down at the end of a process, unless it is killed: all that follow start faster.
    await lane.#start(lane.#process)
    await lane.#process.leave()
    lane.#next()
    lane.#port = await lane.#start(lane.#process)
    return lane
  }

  #start(process: MtaProcess): Promise<number> {
    return process.start({ settings: this.#site.settings, log: this.#site.log })
  }

  /** The points that the last run passed. */
  passed(): readonly string[] {
    return readFileSync(this.#trace, 'latin1').split('\n').slice(0, -1)
  }

  async run(scenario: Scenario, point: string): Promise<Run> {
    this.#runs += 1
    const mail = scenario.mail(`${scenario.name.replaceAll(' ', '-')}-${this.#runs}`)
    this.#site.clear(scenario.freshMailbox ?? false)
    this.#host.forget()
    const first = scenario.restartAfter ?? point
    writeFileSync(this.#trace, '')
    await this.#process.ask({ do: 'arm', point: first })
    const [reply] = await sendMail(this.#port, [mail], scenario.pipelined)
    let reached = await this.#died()
    if (scenario.restartAfter !== undefined) reached = await this.#restart(point)
    await this.#host.quiet()
    const atDeath = this.#look(mail)
    if (reached) await this.#recover()
    await this.#host.quiet()
    const atEnd = this.#look(mail)
    return {
      point,
      reached,
      acknowledged: reply?.startsWith('250') ?? false,
      recipients: mail.to.map((_, i) => copies(atDeath.mail[i], atEnd.mail[i])),
      reports: copies(atDeath.reports, atEnd.reports),
      differentReports: new Set(atEnd.reports.delivered.map(messageId)).size,
      strange: [...atDeath.strange, ...atEnd.strange],
      leftovers: [...this.#site.leftovers(), ...this.#site.waiting().map(({ address }) => address)],
    }
  }

  /** Whether it died before all that it had to do was done. */
  async #died(): Promise<boolean> {
    try {
      await this.#process.ask({ do: 'empty' })
      return false
    } catch (error) {
      if (!(error instanceof Died)) throw error
      return true
    }
  }

  #next(): void {
    this.#process = this.#standby
    this.#standby = this.#make()
  }

  /** Starts on what was left, to be killed at a point of that. */
  async #restart(point: string): Promise<boolean> {
    this.#next()
    writeFileSync(this.#trace, '')
    await this.#process.ask({ do: 'arm', point })
    try {
      this.#port = await this.#start(this.#process)
      return await this.#died()
    } catch (error) {
      if (!(error instanceof Died)) throw error
      return true
    }
  }

  async #recover(): Promise<void> {
    this.#next()
    this.#port = await this.#start(this.#process)
    await this.#process.ask({ do: 'empty' })
    await this.#process.ask({ do: 'sweep' })
  }

  #look({ from, to, body }: Mail): Look {
    const text = body.replaceAll('\r\n', '\n')
    const waiting = this.#site.waiting()
    const placeOf = (address: string) => {
      const [local = '', domain] = address.split('@')
      return domain === 'home.test' ? this.#site.mailbox(local) : this.#host.taken(address)
    }
    const seen = [...USERS.flatMap((user) => this.#site.mailbox(user)), ...this.#host.all()]
    return {
      mail: to.map((address) => ({
        delivered: placeOf(address).filter((one) => one === text),
        waiting: waiting.filter((one) => one.address === address && one.body === body).length,
      })),
      reports: {
        delivered: placeOf(from).filter(isReport),
        waiting: waiting.filter((one) => one.address === from && isReport(one.body.replaceAll('\r\n', '\n'))).length,
      },
      strange: seen.filter((one) => one !== text && !isReport(one)),
    }
  }

  async close(): Promise<void> {
    for (const process of [this.#process, this.#standby]) {
      process.kill()
      await process.ended
    }
    this.#site.remove()
    await this.#host.close()
  }
}

interface Look {
  readonly mail: readonly Place[]
  readonly reports: Place
  readonly strange: readonly string[]
}

interface Place {
  readonly delivered: readonly string[]
  readonly waiting: number
}

const copies = (atDeath: Place | undefined, atEnd: Place | undefined): Copies => ({
  delivered: atDeath?.delivered.length ?? 0,
  waiting: atDeath?.waiting ?? 0,
  inTheEnd: atEnd?.delivered.length ?? 0,
})

/** A whole one: with its end. */
const isReport = (text: string): boolean => {
  const boundary = /^Content-Type: multipart\/report;[^\n]*(?:\n[ \t][^\n]*)*boundary="?([^"\s;]+)/m.exec(text)?.[1]
  return boundary !== undefined && text.endsWith(`--${boundary}--\n`)
}

const messageId = (text: string): string => /^Message-ID: (.*)$/im.exec(text)?.[1] ?? ''
