import { type Reply, reply } from '../mail/reply.ts'
import type { Answer, Phase, Verb } from './extension.ts'
import type { Registry } from './registry.ts'
import type { ServerSession } from './session.ts'

/** RFC 5321's own verbs, in the type that extensions use for theirs. They alone may count on a `ServerSession`. */
type BaseVerb = Omit<Verb, 'run' | 'outOfPhase'> & {
  run(args: string, session: ServerSession): Answer | Promise<Answer>
}

const EVERY: readonly Phase[] = ['connected', 'greeted', 'mail', 'rcpt', 'body']

const noArgument = (verb: string, args: string): Reply | undefined =>
  args === '' ? undefined : reply(501, '5.5.4', `${verb} takes no argument`)

const greeting = (name: string, extended: boolean): BaseVerb => ({
  phases: EVERY,
  usage: `${name} your-host-name`,
  // Names in the wild break RFC 5321 4.1.1.1 in many ways; what goes into trace fields is made safe there.
  run: (args, session) =>
    /^[!-~\u{80}-\u{10ffff}]{1,255}$/u.test(args)
      ? session.greet({ verb: name, name: args, extended })
      : reply(501, '5.5.4', `Syntax: ${name} your-host-name`),
})

const MAIL: BaseVerb = {
  phases: ['greeted'],
  batches: true,
  maxLine: 4096,
  usage: 'MAIL FROM:<reverse-path> [parameters]',
  run: (args, session) => session.beginTransaction(args, 'MAIL'),
}

const RCPT: BaseVerb = {
  phases: ['mail', 'rcpt'],
  batches: true,
  maxLine: 2048,
  usage: 'RCPT TO:<forward-path> [parameters]',
  run: (args, session) => session.addRecipient(args),
}

const DATA: BaseVerb = {
  phases: ['mail', 'rcpt'],
  usage: 'DATA',
  async run(args, session) {
    const wrong = noArgument('DATA', args)
    if (wrong) return wrong
    if (session.transaction?.recipients.length === 0) return reply(554, '5.5.1', 'No valid recipients')
    try {
      await session.openBody()
    } catch (error) {
      session.reset()
      throw error
    }
    try {
      await session.append(session.takeDotted(reply(354, '', 'Go ahead; end with <CRLF>.<CRLF>')))
    } catch (error) {
      // What is wrong with a body that came is said at its end, which may be once for each recipient.
      if (session.transaction?.body?.failure === undefined) throw error
    }
    return session.conclude()
  },
}

const RSET: BaseVerb = {
  phases: EVERY,
  batches: true,
  usage: 'RSET',
  run(args, session) {
    const wrong = noArgument('RSET', args)
    if (wrong) return wrong
    session.reset()
    return reply(250, '2.0.0', 'Reset')
  },
}

const NOOP: BaseVerb = { phases: EVERY, usage: 'NOOP', run: () => reply(250, '2.0.0', 'Ok') }

const QUIT: BaseVerb = {
  phases: EVERY,
  usage: 'QUIT',
  run: (args) => noArgument('QUIT', args) ?? { replies: [reply(221, '2.0.0', 'Goodbye')], after: { channel: 'close' } },
}

/** The verbs of RFC 5321 under the greeting that the registry's dialect has (RFC 2033: LHLO instead of EHLO and HELO). */
export const baseVerbs = (registry: Registry): ReadonlyMap<string, Verb> => {
  const dialect = registry.extensions.find(({ server }) => server?.greetsWith !== undefined)?.server?.greetsWith
  const greetings = dialect
    ? { [dialect]: greeting(dialect, true) }
    : { EHLO: greeting('EHLO', true), HELO: greeting('HELO', false) }
  return new Map<string, Verb>(Object.entries({ ...greetings, MAIL, RCPT, DATA, RSET, NOOP, QUIT }))
}
