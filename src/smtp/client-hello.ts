import type { Diagnosis } from '../mail/diagnosis.ts'
import { Refusal, type Reply } from '../mail/reply.ts'
import { type Channel, Closed } from '../net/channel.ts'
import { TlsFailed } from '../net/tls.ts'
import type { Log } from '../observe/log.ts'
import { GreetedHop, inForce, readOffers } from './client-hop.ts'
import { type ClientWire, HungUp } from './client-wire.ts'
import type { AfterReply, Conversation, Extension, Hop, HostProof } from './extension.ts'
import type { Registry } from './registry.ts'
import { BadReply } from './reply-reader.ts'
import { strike } from './secrets.ts'

/** Nobody can be talked to over this connection, and it is closed. */
export class HopUnusable extends Error {
  override readonly name = 'HopUnusable'
  readonly diagnosis: Diagnosis

  constructor(diagnosis: Diagnosis, options?: ErrorOptions) {
    super(diagnosis.lines.join(' / '), options)
    this.diagnosis = diagnosis
  }
}

export interface HelloOptions {
  readonly registry: Registry
  /** How we introduce ourselves: our name, or an address literal. */
  readonly hostname: string
  readonly log: Log
  /** Absent: `named`. */
  readonly proof?: HostProof
  /** See `Conversation.lenient`. */
  readonly lenient?: true
}

/** How the exchange of greetings ended: `ready` for mail, or with a channel that is ours no more. */
export interface Introduced {
  readonly hop: Hop
  readonly is: 'ready' | 'closed' | 'handedOver'
}

/** Greetings after which an extension that always wants another is taken to be broken. */
const MOST_GREETINGS = 8

/** From the hop's greeting to the last extension's word (RFC 5321 3.1, 3.2, 4.1.4). Throws `HopUnusable`, or an extension's `RetryWithout`. */
export const introduce = async (wire: ClientWire, options: HelloOptions): Promise<Introduced> => {
  const step = { phase: 'greeting' }
  try {
    await welcome(wire)
    step.phase = verbOf(options.registry)
    let assurance: Hop['assurance'] = 'none'
    for (let greeting = 0; greeting < MOST_GREETINGS; greeting += 1) {
      const hop = new GreetedHop(wire, await hello(wire, options), assurance, options.proof)
      const then = await negotiate(wire, hop, options)
      assurance = hop.assurance
      wire.statuses = then === undefined && hop.givesStatuses === true
      if (then === undefined) return { hop, is: 'ready' }
      const ended = then === 'greetAgain' ? undefined : await turn(wire, then, options.log)
      if (ended) return { hop, is: ended }
    }
    throw new BadReply('It wants to be greeted again and again')
  } catch (error) {
    throw unusable(wire, error, step.phase)
  }
}

const verbOf = (registry: Registry): string =>
  registry.extensions.find((extension) => extension.client?.greetsWith)?.client?.greetsWith ?? 'EHLO'

const unusable = (wire: ClientWire, error: unknown, phase: string): unknown => {
  if (error instanceof HopUnusable) {
    wire.hangUp()
    return error
  }
  const diagnosis = error instanceof Refusal ? wire.ours(error.reply, phase) : wire.trouble(error, phase)
  if (error instanceof Refusal || error instanceof HungUp) wire.hangUp()
  else wire.destroy()
  return diagnosis === undefined ? error : new HopUnusable(diagnosis, { cause: error })
}

const demandSuccess = (wire: ClientWire, answer: Reply, phase: string): void => {
  if (answer.code >= 400) throw new HopUnusable(wire.said(answer, phase))
  if (answer.code >= 300) throw new BadReply(`${answer.code} in answer to ${phase}`)
}

const welcome = async (wire: ClientWire): Promise<void> =>
  demandSuccess(wire, await wire.reply(wire.timeouts.greeting), 'greeting')

const NOT_UNDERSTOOD: readonly number[] = [500, 501, 502, 504]

/** EHLO or a dialect's own verb; HELO for those who know only that. What the hop offers. */
const hello = async (wire: ClientWire, { registry, hostname }: HelloOptions): Promise<Hop['offers']> => {
  const verb = verbOf(registry)
  const answer = await wire.command(`${verb} ${hostname}`, wire.timeouts.hello)
  if (verb === 'EHLO' && NOT_UNDERSTOOD.includes(answer.code)) {
    demandSuccess(wire, await wire.command(`HELO ${hostname}`, wire.timeouts.hello), 'HELO')
    return new Map()
  }
  demandSuccess(wire, answer, verb)
  return readOffers(answer.lines)
}

/** Each extension in the order of the list; the first to change the channel ends the round. */
const negotiate = async (
  wire: ClientWire,
  hop: Hop,
  { registry, log, lenient }: HelloOptions,
): Promise<'greetAgain' | AfterReply | undefined> => {
  const used = inForce(registry, hop.offers)
  const talk: Conversation = { ...talkOf(wire, hop, log), ...(lenient ? { lenient } : {}) }
  for (const extension of registry.extensions) {
    const then = await consult(extension, used.has(extension), talk)
    if (then) return then
  }
  return undefined
}

const consult = (
  { keyword, client }: Extension,
  offered: boolean,
  talk: Conversation,
): ReturnType<NonNullable<NonNullable<Extension['client']>['offered']>> => {
  if (offered) return client?.offered?.(talk, talk.hop.offers.get(keyword) ?? [])
  client?.notOffered?.(talk)
}

const talkOf = (wire: ClientWire, hop: Hop, log: Log): Conversation => ({
  hop,
  command: async (line, secrets) => {
    if (secrets === undefined) return wire.command(line, wire.timeouts.hello)
    for (const secret of secrets) wire.secrets.add(secret)
    try {
      return without(secrets, await wire.command(line, wire.timeouts.hello))
    } catch (error) {
      // Of what is no reply a part may be repeated, and a part of a secret is told from nothing.
      if (error instanceof BadReply) throw new BadReply('Not a reply')
      throw error instanceof HungUp ? new HungUp(without(secrets, error.reply)) : error
    }
  },
  replaceChannel: (make) => replaceChannel(wire, make, log),
})

const without = (secrets: Iterable<string>, said: Reply): Reply => ({ ...said, lines: strike(secrets, said.lines) })

const replaceChannel = async (
  wire: ClientWire,
  make: (channel: Channel) => Promise<Channel>,
  log: Log,
): Promise<void> => {
  // Said before the new channel was there, by whoever stood in the middle: never to be taken for said through it.
  const octets = wire.channel.discardPending()
  if (octets > 0) log.event('warn', 'hop-spoke-early', { hop: wire.name, octets })
  try {
    wire.replace(await make(wire.channel))
  } catch (error) {
    throw error instanceof TlsFailed ? new Closed(error.message, { cause: error }) : error
  }
}

const turn = async (wire: ClientWire, then: AfterReply, log: Log): Promise<'closed' | 'handedOver' | undefined> => {
  if (then.channel === 'close') {
    wire.hangUp()
    return 'closed'
  }
  if (then.channel === 'handOver') {
    const { channel } = wire
    wire.release()
    await then.to(channel)
    return 'handedOver'
  }
  await replaceChannel(wire, (channel) => then.with(channel), log)
  if (then.greet) await welcome(wire)
  return undefined
}
