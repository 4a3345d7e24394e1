import { formatAddress, readAddress } from '../../src/mail/address.ts'
import type { ParamBag } from '../../src/mail/envelope.ts'
import { createQueue, type Queue, type QueueOptions } from '../../src/queue/queue.ts'
import type { QueueSettings } from '../../src/queue/settings.ts'
import { memorySpool } from '../../src/spool/memory.ts'
import type { MessageRecord, NewRecipient, Spool, SpooledRecipient } from '../../src/spool/spool.ts'
import { type AddressTable, addressTable, type Entry } from './address-table.ts'
import { type KeptLog, keptLog } from './kept-log.ts'
import { type ManualClock, manualClock } from './manual-clock.ts'
import { type PlainReporter, plainReporter } from './plain-reporter.ts'
import { type Script, type ScriptedTransport, scriptedTransport } from './scripted-transport.ts'

/** A queue with everything around it a double, on a clock that the test moves. */
export interface QueueBench {
  readonly clock: ManualClock
  readonly spool: Spool
  readonly resolver: AddressTable
  readonly smtp: ScriptedTransport
  readonly local: ScriptedTransport
  readonly reporter: PlainReporter
  readonly log: KeptLog
  readonly queue: Queue
  /** Keeps a message and tells its id. Recipients as `NewRecipient`, or as addresses; those get the lane they resolve to. */
  put(to: readonly (string | NewRecipient)[], more?: Partial<MessageRecord>): Promise<string>
  /** In the order in which they were given. */
  recipients(id: string): Promise<readonly SpooledRecipient[]>
  /** `address: fate`, sorted; empty once the message is gone. */
  fates(id: string): Promise<readonly string[]>
  history(id: string): Promise<readonly string[]>
  /** Another queue on the same spool, with its own doubles where given. */
  another(more: Partial<QueueOptions>): Queue
}

export interface BenchOptions {
  readonly smtp?: Script
  readonly local?: Script
  readonly entries?: Readonly<Record<string, Entry>>
  readonly settings?: Partial<QueueSettings>
  readonly random?: () => number
  /** What the queue sees in place of the memory spool. */
  readonly around?: (spool: Spool, clock: ManualClock) => Spool
  readonly options?: Partial<QueueOptions>
}

/** So that days pass quickly. What is due sooner is met at its time all the same. */
const RARELY = 86_400_000

const BODY = Buffer.from('Subject: hello\r\n\r\nHello\r\n')

/** `address;KEY=value` */
export const recipient = (text: string, more: Partial<NewRecipient> = {}): NewRecipient => {
  const [address = '', ...params] = text.split(';')
  const bag: ParamBag = Object.fromEntries(params.map((one) => one.split('=') as [string, string]))
  return { address: readAddress(address), params: bag, ...more }
}

export const queueBench = (given: BenchOptions = {}): QueueBench => {
  const clock = manualClock()
  const kept = memorySpool({ clock })
  const spool = given.around?.(kept, clock) ?? kept
  const resolver = addressTable(given.entries)
  const smtp = scriptedTransport(clock.now, { name: 'smtp', ...given.smtp })
  const local = scriptedTransport(clock.now, { name: 'local', ...given.local })
  const reporter = plainReporter(clock.now)
  const log = keptLog()
  const transports = new Map([smtp, local].map((one) => [one.name, one]))
  const options: QueueOptions = {
    spool,
    resolver,
    transports,
    reporter,
    clock,
    log,
    owner: 'queue',
    random: given.random ?? (() => 0),
    settings: { poll: RARELY, ...given.settings },
    ...given.options,
  }

  const laned = async (to: string | NewRecipient): Promise<NewRecipient> => {
    if (typeof to !== 'string') return to
    const one = recipient(to)
    const { lane } = await resolver.resolve(one.address).catch(() => ({ lane: null }))
    return { ...one, lane }
  }

  return {
    clock,
    spool,
    resolver,
    smtp,
    local,
    reporter,
    log,
    queue: createQueue(options),
    async put(to, more = {}) {
      const draft = kept.open()
      await draft.write(BODY)
      await draft.commit({
        sender: readAddress('ann@client.example'),
        params: {},
        recipients: await Promise.all(to.map(laned)),
        prefix: Buffer.from('Received: by here\r\n'),
        bodyFrom: 0,
        facts: {
          octets: BODY.length,
          encoding: '7bit',
          longestLine: 14,
          eightBitHeader: false,
          bareNewline: false,
          nul: false,
          endsWithNewline: true,
          headerOctets: 18,
        },
        origin: { listener: 'mx', peer: '192.0.2.1', helo: 'client.example', protocol: 'ESMTP', kind: 'MAIL' },
        schedule: {},
        accepted: clock.now(),
        ...more,
      })
      return draft.id
    },
    recipients: async (id) => ((await kept.show(id))?.recipients ?? []).toSorted((a, b) => a.key - b.key),
    fates: async (id) =>
      ((await kept.show(id))?.recipients ?? []).map((r) => `${formatAddress(r.address)}: ${r.fate.is}`).sort(),
    history: async (id) => (await kept.trace(id)).map((event) => event.text),
    another: (more) => createQueue({ ...options, ...more }),
  }
}
