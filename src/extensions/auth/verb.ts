import { refuse, reply } from '../../mail/reply.ts'
import { fromBase64, toBase64 } from '../../sasl/base64.ts'
import { NotProved, type ServerMechanism } from '../../sasl/mechanism.ts'
import type { Answer, Session, Verb } from '../../smtp/extension.ts'
import { type AuthServer, usable } from './server.ts'

/** Octets of a base64 line at most (RFC 4954 section 4); of a command line with one in it, somewhat more. */
const LINE = 12_288
const COMMAND = 16_384

/** Fewer failures must not end a session (RFC 4954 section 9). */
const FAILURES = 3

const NOTHING = new Uint8Array()

export const authVerb = (server: AuthServer): Verb => {
  const failures = new WeakMap<Session, number>()

  const failed = async (why: NotProved, mechanism: string, session: Session): Promise<Answer> => {
    await server.ended?.({ mechanism, failed: why }, session)
    if (why.why === 'unavailable' || why.why === 'busy')
      return reply(454, '4.7.0', 'Nobody can be authenticated just now; try again later')
    if (why.why === 'malformed') return reply(501, '5.5.2', `That is no message of ${mechanism}`)
    const count = (failures.get(session) ?? 0) + 1
    failures.set(session, count)
    const wrong = reply(535, '5.7.8', 'Name and password do not fit')
    return count < (server.failures ?? FAILURES)
      ? wrong
      : { replies: [wrong, reply(421, '4.7.0', 'Too many wrong passwords; goodbye')], after: { channel: 'close' } }
  }

  return {
    phases: ['greeted'],
    maxLine: COMMAND,
    usage: 'AUTH mechanism [initial-response]',
    async run(args, session) {
      const [, word, initial] = /^([\w-]{1,20})(?: (.*))?$/.exec(args) ?? []
      const mechanism = server.mechanisms.find(({ name }) => name === word?.toUpperCase())
      const whole = mechanism?.oneMessage && initial !== undefined
      if (session.ahead && !whole) return reply(503, '5.5.1', 'AUTH must be the last command of its group')
      if (!session.greeting?.extended) return reply(503, '5.5.1', 'Say EHLO first')
      if (session.identity !== undefined) return reply(503, '5.5.1', 'You are authenticated already')
      if (word === undefined) return reply(501, '5.5.4', 'Syntax: AUTH mechanism [initial-response]')
      if (mechanism === undefined) return reply(504, '5.5.4', 'That mechanism is not known here')
      if (!usable(server, session).includes(mechanism))
        return reply(504, '5.5.4', `${mechanism.name} shows the password to whoever listens; begin TLS first`)
      if (initial !== undefined && mechanism.first === 'server')
        return reply(501, '5.7.0', `With ${mechanism.name} the server begins`)
      if (server.mayTry?.(session) === false)
        return reply(454, '4.7.0', 'Too many wrong passwords came from your network; try again later')
      try {
        const identity = await prove(mechanism, initial, session)
        await server.ended?.({ mechanism: mechanism.name, identity }, session)
        session.identity = identity
        return reply(235, '2.7.0', 'Authenticated')
      } catch (error) {
        if (error instanceof NotProved) return failed(error, mechanism.name, session)
        throw error
      }
    },
  }
}

/** Who the client proves to be. Throws `NotProved`, and Refusals for what is no exchange. */
const prove = async (mechanism: ServerMechanism, initial: string | undefined, session: Session): Promise<string> => {
  const ask = async (challenge: Uint8Array): Promise<Uint8Array> => {
    const line = await session.ask(reply(334, '', toBase64(challenge)), LINE)
    return line === '*' ? refuse(501, '5.7.0', 'Cancelled') : octets(line)
  }
  const begun = initial === '=' ? NOTHING : initial === undefined ? undefined : octets(initial)
  const exchange = mechanism.verify(
    begun ?? (mechanism.first === 'client' ? await ask(NOTHING) : undefined),
    session.peer,
  )
  try {
    let step = await exchange.next()
    while (!step.done) step = await exchange.next(await ask(step.value))
    return step.value
  } finally {
    await exchange.return('')
  }
}

const octets = (text: string): Uint8Array => {
  if (text.length > LINE) return refuse(500, '5.5.6', 'Line too long')
  return fromBase64(text) ?? refuse(501, '5.5.2', 'That is not base64')
}
