import { formatPath, isAscii } from '../mail/address.ts'
import type { ParamBag, Recipient, ReversePath } from '../mail/envelope.ts'
import { domainKey } from '../mail/idna.ts'
import { Refusal, type Reply, refuse, reply } from '../mail/reply.ts'
import { type Channel, Closed, EndlessLine, LineTooLong, TimedOut } from '../net/channel.ts'
import { Body, type OpenTransaction } from './body.ts'
import { type PathAndWords, readCommand, readPathAndWords, readWord } from './command.ts'
import { concludeBody } from './conclude.ts'
import type { Conduct } from './conduct.ts'
import type {
  Answer,
  Extension,
  Grammar,
  Greeting,
  HookAnswer,
  Phase,
  Resume,
  ServerFacet,
  Session,
  SessionLimits,
  Verb,
} from './extension.ts'
import { normalizeNewlines } from './newlines.ts'
import { grammarOf, NO_HOOKS, type Offers, readParams } from './offers.ts'
import { saidBefore } from './said-before.ts'
import type { ServerContext } from './server.ts'

/** The server's side of one connection from one greeting of ours to the next: made anew when the channel is replaced. */
export class ServerSession implements Session {
  readonly channel: Channel
  readonly options: ServerContext
  identity: string | undefined
  readonly #conduct: Conduct
  #progress = 0
  #transactions = 0
  /** Of recipients named so far; none is kept where any number may be. */
  readonly #domains: Set<string> = new Set()
  #greeting: Greeting | undefined
  #offers: Offers
  #transaction: OpenTransaction | undefined

  constructor(channel: Channel, options: ServerContext, conduct: Conduct) {
    this.channel = channel
    this.options = options
    this.#conduct = conduct
    this.#offers = options.offering.to(this)
  }

  get peer(): string {
    return this.channel.peer.address
  }

  get phase(): Phase {
    if (this.#transaction?.body) return 'body'
    if (this.#transaction) return this.#transaction.recipients.length > 0 ? 'rcpt' : 'mail'
    return this.#greeting ? 'greeted' : 'connected'
  }

  get greeting(): Greeting | undefined {
    return this.#greeting
  }

  get limits(): SessionLimits {
    return this.options.limits
  }

  get transaction(): OpenTransaction | undefined {
    return this.#transaction
  }

  /** Grows whenever something came nearer to being mail: the first greeting, a transaction, a recipient, octets of a body. */
  get progress(): number {
    return this.#progress
  }

  get verbs(): ReadonlyMap<string, Verb> {
    return this.#offers.verbs
  }

  get extensions(): readonly Extension[] {
    return this.#offers.extensions
  }

  /** Answers one command line. Throws Refusals; the verb is told for what the core has to know of it. */
  async answer(line: string): Promise<{ answer: Answer; verb: Verb | undefined }> {
    const { verb: name, args } = readCommand(line)
    const verb = this.#offers.verbs.get(name)
    if (verb === undefined) return { answer: this.#unknown(name), verb }
    if (line.length + 2 > (verb.maxLine ?? 1000)) refuse(500, '5.5.2', 'Line too long')
    const here = verb.phases.includes(this.phase)
    if (here || !verb.outOfPhase) for (const server of this.options.offering.guards) server.guard(name, this)
    for (const server of this.#offers.hooks.onVerb) {
      const hooked = await server.onVerb(name, args, this)
      if (hooked?.reply) return { answer: hooked.reply, verb }
    }
    if (verb.alone && this.channel.pending()) refuse(503, '5.5.1', `${name} must be the last command of its group`)
    if (!here) return { answer: await this.#outOfPhase(verb, args), verb }
    return { answer: await verb.run(args, this), verb }
  }

  #unknown(name: string): Reply {
    for (const { server } of this.options.registry.extensions) {
      const verb = server?.verbs && Object.hasOwn(server.verbs, name) ? server.verbs[name] : undefined
      if (verb) return verb.unavailable ?? reply(502, '5.5.1', `${name} is not on offer here`)
    }
    return reply(500, '5.5.1', `${name.slice(0, 32)} is not a command of this server`)
  }

  #outOfPhase(verb: Verb, args: string): Answer | Promise<Answer> {
    if (verb.outOfPhase) return verb.outOfPhase(args, this)
    if (this.#greeting === undefined) return reply(503, '5.5.1', 'Say EHLO first')
    return reply(503, '5.5.1', this.#transaction ? 'Not in this transaction' : 'Not before MAIL')
  }

  /** EHLO, HELO, LHLO: a new beginning, with a new look at what is on offer (RFC 5321 4.1.4). */
  async greet(greeting: Greeting): Promise<Reply> {
    const before = this.#greeting
    this.#greeting = greeting
    try {
      await this.options.sink.hello?.(this)
      for (const { server } of this.options.registry.extensions) await server?.greeted?.(greeting, this)
    } catch (error) {
      this.#greeting = before
      throw error
    }
    this.reset()
    if (before === undefined) this.#progress++
    this.#offers = this.options.offering.to(this)
    return reply(250, '', this.options.hostname, ...(greeting.extended ? this.#offers.lines : []))
  }

  async beginTransaction(args: string, kind: string): Promise<Answer> {
    const begun = this.options.clock.now()
    const { transactions } = this.options.limits
    if (transactions > 0 && ++this.#transactions > transactions) return ENOUGH
    const { path, words } = readPathAndWords(args, 'FROM')
    const given = readParams('MAIL', words, this.options.registry, this.#offers, this.#greeting?.extended ?? false)
    if (isBeyondAscii(path, given) && !grammarOf(this.#offers.hooks, given).utf8) {
      refuse(550, '5.6.7', 'That address needs SMTPUTF8')
    }
    const { params, said, resume } = await hooked(given, this.#offers.hooks.onMail, (server, bag) =>
      server.onMail(path, bag, this),
    )
    if (said && said.code >= 400) return said
    const answer = (await this.options.sink.mail?.(path, params, this)) || reply(250, '2.1.0', 'Sender ok')
    if (answer.code >= 400) return answer
    this.#transaction = { kind, begun, sender: path, params, recipients: [], asked: 0 }
    this.#progress++
    if (resume === undefined) return said ?? answer
    return (await this.#goOn(this.#transaction, resume)) ? (said ?? answer) : answer
  }

  /** False: one of the recipients would not be taken now, and the transaction is as new. */
  async #goOn(transaction: OpenTransaction, resume: Resume): Promise<boolean> {
    for (const one of resume.recipients) {
      if (resume.outcomes) transaction.recipients.push(one)
      else if (!(await this.#isTaken(one, transaction))) {
        transaction.recipients.length = 0
        return false
      }
    }
    transaction.earlier = resume
    transaction.resumed = true
    return true
  }

  async #isTaken(recipient: Recipient, transaction: OpenTransaction): Promise<boolean> {
    try {
      return (await this.#take(recipient, transaction)).code < 400
    } catch (error) {
      if (error instanceof Refusal) return false
      throw error
    }
  }

  async addRecipient(args: string): Promise<Reply> {
    const transaction = this.#transaction
    if (transaction === undefined) return refuse(503, '5.5.1', 'Not before MAIL')
    if (transaction.resumed) return refuse(503, '5.5.1', 'The recipients are known; the body goes on')
    transaction.asked += 1
    const { path, words } = readPathAndWords(args, 'TO')
    if (path === null) return refuse(501, '5.1.3', 'A recipient has an address')
    const given = readParams('RCPT', words, this.options.registry, this.#offers, this.#greeting?.extended ?? false)
    if (isBeyondAscii(path, given) && !grammarOf(this.#offers.hooks, { ...transaction.params, ...given }).utf8) {
      refuse(553, '5.6.7', 'That address needs SMTPUTF8')
    }
    const most = this.options.limits.recipients
    if (transaction.asked > most || transaction.recipients.length >= most) refuse(452, '4.5.3', 'Too many recipients')
    this.#admit(domainKey(path.domain))
    try {
      return await this.#take({ address: path, params: given }, transaction)
    } catch (error) {
      if (error instanceof Refusal || error instanceof Closed || error instanceof TimedOut) throw error
      // Without the transaction the others, said ahead maybe, would be refused for good.
      return this.fault(error)
    }
  }

  async #take(recipient: Recipient, transaction: OpenTransaction): Promise<Reply> {
    const { params, said } = await hooked(recipient.params, this.#offers.hooks.onRcpt, (server, bag) =>
      server.onRcpt({ ...recipient, params: bag }, transaction, this),
    )
    if (said && said.code >= 400) return said
    const taken = { ...recipient, params }
    const answer = (await this.options.sink.rcpt?.(taken, transaction, this)) || reply(250, '2.1.5', 'Recipient ok')
    if (answer.code >= 400) return answer
    transaction.recipients.push(taken)
    this.#progress++
    return said ?? answer
  }

  /** A name without a domain is ours, and not one more. */
  #admit(domain: string): void {
    const { domains } = this.options.limits
    if (domains === 0 || domain === '' || this.#domains.has(domain)) return
    if (this.#domains.size >= domains) refuse(452, '4.5.3', `Recipients in ${domains} domains are taken in one session`)
    this.#domains.add(domain)
  }

  readArgument(verb: string, args: string): { argument: string; grammar: Grammar } {
    const { registry } = this.options
    const words: PathAndWords['words'][number][] = []
    let argument = args
    for (;;) {
      const [, before, last] = /^(.*[^ ]) +([^ ]+)$/.exec(argument) ?? []
      const name = /^[A-Za-z0-9-]*/.exec(last ?? '')?.[0].toUpperCase() ?? ''
      if (before === undefined || last === undefined || registry.owners(verb, name).length === 0) break
      words.unshift(readWord(last))
      argument = before
    }
    const params = readParams(verb, words, registry, this.#offers, this.#greeting?.extended ?? false)
    return { argument, grammar: grammarOf(this.#offers.hooks, params) }
  }

  async ask(question: Reply, limit: number): Promise<string> {
    this.say(question)
    await this.channel.flush(this.options.timeouts.command)
    try {
      return await this.channel.line(limit, this.options.timeouts.command)
    } catch (error) {
      if (!(error instanceof LineTooLong)) throw error
      if (error instanceof EndlessLine) this.#conduct.lostStep()
      return refuse(500, '5.5.6', 'Line too long')
    }
  }

  /** Writes a reply as the extensions on offer dress it; one without an enhanced status (greetings, 3yz) goes as it is. */
  say(plain: Reply): void {
    let said = plain
    if (plain.status !== '') for (const server of this.#offers.hooks.dress) said = server.dress(said)
    const { code, bare } = said
    const all = bare ? [...said.lines, ...bare] : said.lines
    const lines = plain.utf8 || all.every(isAscii) ? all : all.map((one) => one.replace(/[^\x00-\x7f]+/g, '?'))
    const last = lines.length - 1
    let text = ''
    for (let i = 0; i < last; i++) text += `${code}-${lines[i]}\r\n`
    this.channel.write(`${text}${code} ${lines[last]}\r\n`)
  }

  get ahead(): boolean {
    return this.channel.pending()
  }

  grammar(params: ParamBag): Grammar {
    return grammarOf(this.#offers.hooks, params)
  }

  #currentBody(): Body {
    const transaction = this.#transaction
    if (transaction === undefined) return refuse(503, '5.5.1', 'Not before MAIL')
    const outcomes = transaction.earlier?.outcomes
    transaction.body ??= new Body({
      transaction,
      session: this,
      ...(outcomes
        ? { sink: saidBefore(outcomes), hooks: NO_HOOKS }
        : { sink: this.options.sink, hooks: this.#offers.hooks }),
      limits: this.options.limits,
      clock: this.options.clock,
      conduct: this.#conduct,
    })
    return transaction.body
  }

  openBody(): Promise<void> {
    return this.#currentBody().open()
  }

  async *take(octets: number): AsyncGenerator<Uint8Array, void> {
    const { timeouts, limits } = this.options
    const chunks = this.channel.counted(octets, timeouts.body, limits.rate)
    // A client may wait for the replies to MAIL and RCPT with its octets.
    if (octets > 0 && !this.channel.pending()) await this.channel.flush(timeouts.command)
    let left = octets
    for await (const chunk of chunks) {
      left -= chunk.length
      yield chunk
      if (left > 0 && !this.channel.pending()) await this.channel.flush(timeouts.command)
    }
  }

  async skip(octets: number): Promise<void> {
    if (!this.#conduct.mayDrain(octets)) return
    for await (const chunk of this.take(octets)) this.#conduct.drained(chunk.length)
  }

  async *takeDotted(question: Reply): AsyncIterable<Uint8Array> {
    this.say(question)
    await this.channel.flush(this.options.timeouts.command)
    const body = this.channel.dotted(this.options.timeouts.body, this.options.limits.rate)
    yield* this.options.bareNewlines === 'normalize' ? normalizeNewlines(body) : body
  }

  async append(source: AsyncIterable<Uint8Array>, announced = 0): Promise<void> {
    const body = this.#currentBody()
    const earlier = this.#transaction?.earlier
    if (earlier && this.#transaction) {
      this.#transaction.earlier = undefined
      await body.resume(earlier.body)
    }
    const before = body.octets
    await body.append(source, announced)
    if (body.octets > before) this.#progress++
  }

  conclude(): Answer {
    const transaction = this.#transaction
    if (!transaction?.body) return refuse(503, '5.5.1', 'No body was begun')
    this.#transaction = undefined
    return { replies: concludeBody(transaction, transaction.body, this, this.#offers.extensions) }
  }

  /** A fault of ours, and what the peer hears of it. */
  fault(error: unknown): Reply {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
    this.options.log.event('error', 'session-fault', { listener: this.options.listener, peer: this.peer, stack })
    return FAULT
  }

  /** What extensions have to do about the end of the session is done on return. Never rejects. */
  async end(): Promise<void> {
    for (const server of this.#offers.hooks.ended) {
      try {
        await server.ended(this)
      } catch (error) {
        this.fault(error)
      }
    }
    this.reset()
  }

  reset(): void {
    const body = this.#transaction?.body
    this.#transaction = undefined
    void body?.abort()
  }
}

const FAULT = reply(451, '4.3.0', 'A fault of this server; try again later')

const ENOUGH: Answer = {
  replies: [reply(421, '4.5.0', 'Enough mail for one session; connect anew for more')],
  after: { channel: 'close' },
}
/** RFC 6531 3.3 adds UTF-8 to both at once: to paths, and to values of parameters. */
const isBeyondAscii = (path: ReversePath, params: ParamBag): boolean =>
  !isAscii(formatPath(path)) || Object.values(params).some((value) => value !== true && !isAscii(value))

interface Said {
  readonly params: ParamBag
  readonly said?: Reply
  readonly resume?: NonNullable<HookAnswer['resume']>
}

/** What hooks make of parameters, each given what the one before it left; a refusal ends it. */
const hooked = async <Server>(
  given: ParamBag,
  servers: readonly Server[],
  ask: (server: Server, bag: ParamBag) => ReturnType<NonNullable<ServerFacet['onMail']>>,
): Promise<Said> => {
  let params = given
  let said: Reply | undefined
  let resume: HookAnswer['resume']
  for (const server of servers) {
    const answer = await ask(server, params)
    if (!answer) continue
    params = answer.params ?? params
    said = answer.reply ?? said
    resume = answer.resume ?? resume
    if (said && said.code >= 400) break
  }
  return { params, ...(said ? { said } : {}), ...(resume ? { resume } : {}) }
}
