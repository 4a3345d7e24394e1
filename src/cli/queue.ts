import { type ControlClient, ControlFault } from '../app/control-client.ts'
import type { Selection } from '../app/control-protocol.ts'
import type { MessageRow, QueueRow } from '../app/control-rows.ts'
import { hint } from '../config/wording.ts'
import { systemClock } from '../observe/clock.ts'
import type { ListMatch, Operation } from '../spool/spool.ts'
import { EXIT, Exit } from './exit.ts'
import { complain, type Io, print, printable } from './io.ts'
import { heldForSenders, heldWhy } from './queue-held.ts'
import { rowText } from './queue-text.ts'
import { running } from './running.ts'
import { CONFIG, type Given, JSON_OPTION, type Usage } from './usage.ts'

const OPERATIONS = ['retry', 'hold', 'release', 'bounce', 'delete', 'park', 'unpark'] as const
const FATES = ['waiting', 'held', 'parked', 'delivered', 'failed', 'expanded'] as const
const VERBS = ['list', 'show', 'body', 'trace', ...OPERATIONS] as const

export const queueUsage: Usage = {
  name: 'queue',
  line: 'smail queue list|show|body|trace|retry|hold|release|bounce|delete|park|unpark [ID…] [options]',
  does: `Looks into the queue of the running instance, and changes what becomes of what waits there.

  list       what is there, a message and its recipients
  show ID    all about a message    body ID  the message itself    trace ID  what happened to it, also afterwards
  retry      try now                hold     leave alone           release   no longer
  bounce     give up and tell the sender     delete  forget without a word
  park       keep until someone has mended what is wrong           unpark    try again

What is changed are messages by their IDs, or all that fit the options, or everything with --all. What its sender wants
sent later is held until then; \`release ID\` sends it now, \`release\` without an ID leaves it alone. Exit code 66: there
is no message of one of these IDs; what can be done with the others is done.`,
  options: {
    sender: { type: 'string', value: 'ADDRESS', does: 'of this sender' },
    recipient: { type: 'string', value: 'ADDRESS', does: 'for this recipient' },
    domain: { type: 'string', value: 'DOMAIN', does: 'for recipients in this domain' },
    fate: { type: 'string', value: 'FATE', does: `recipients that are ${FATES.join(', ')}` },
    all: { type: 'boolean', does: 'everything' },
    why: { type: 'string', value: 'TEXT', does: 'the reason, for the history and for reports' },
    config: CONFIG,
    json: JSON_OPTION,
  },
}

export const queue = async (given: Given, io: Io): Promise<number> => {
  const [verb = 'list', ...ids] = given.words
  const known = VERBS.find((one) => one === verb)
  if (known === undefined) {
    throw new Exit(EXIT.usage, `smail queue has no command ${verb}${hint(verb, VERBS)}; there are ${VERBS.join(', ')}`)
  }
  const match = matchOf(given)
  const operation = OPERATIONS.find((one) => one === known)
  if (operation !== undefined && ids.length === 0 && Object.keys(match).length === 0 && !given.has('all')) {
    throw new Exit(EXIT.usage, `smail queue ${verb}: of what? Give IDs, options, or --all`)
  }
  const client = await running(given.text('config'), io)
  try {
    if (operation !== undefined) return await operate(client, operation, ids, match, given, io)
    if (known === 'list') return await list(client, ids, match, given, io)
    if (ids.length === 0) throw new Exit(EXIT.usage, `smail queue ${verb}: of what? Give IDs`)
    return await forEach(ids, io, (id) => tell(client, known as 'show' | 'body' | 'trace', id, given, io))
  } finally {
    client.close()
  }
}

const matchOf = (given: Given): ListMatch => {
  const match: { -readonly [K in keyof ListMatch]: ListMatch[K] } = {}
  for (const key of ['sender', 'recipient', 'domain'] as const) {
    const text = given.text(key)
    if (text !== undefined) match[key] = text
  }
  const fate = given.text('fate')
  if (fate === undefined) return match
  const known = FATES.find((one) => one === fate)
  if (known === undefined) throw new Exit(EXIT.usage, `there is no fate ${fate}${hint(fate, FATES)}`)
  return { ...match, fate: known }
}

/** Does this for each message that was named, and says which there is not; the exit code. */
const forEach = async (ids: readonly string[], io: Io, work: (id: string) => Promise<number>): Promise<number> => {
  let code: number = EXIT.ok
  for (const id of ids) {
    try {
      code = Math.max(code, await work(id))
    } catch (error) {
      if (!isMissing(error)) throw error
      complain(io, `smail: ${printable(error.message)}`)
      code = EXIT.noInput
    }
  }
  return code
}

const isMissing = (error: unknown): error is ControlFault =>
  error instanceof ControlFault && error.fault.kind === 'missing'

const list = async (client: ControlClient, ids: readonly string[], match: ListMatch, given: Given, io: Io) => {
  const now = systemClock().now()
  const listed = async (one: ListMatch): Promise<number> => {
    let found = 0
    const each = (item: unknown) => {
      found++
      return print(io, given.has('json') ? `${JSON.stringify(item)}\n` : rowText(item as QueueRow, now))
    }
    await client.call({ do: 'list', match: one }, { each })
    return found
  }
  if (ids.length > 0) {
    return forEach(ids, io, async (id) => {
      // It may be there and not fit the other options.
      if ((await listed({ ...match, id })) === 0) await client.call({ do: 'show', id })
      return EXIT.ok
    })
  }
  if ((await listed(match)) === 0 && !given.has('json')) {
    await print(io, Object.keys(match).length === 0 ? 'Mail queue is empty\n' : 'No mail in the queue fits\n')
  }
  return EXIT.ok
}

const operate = async (
  client: ControlClient,
  operation: Operation['do'],
  ids: readonly string[],
  match: ListMatch,
  given: Given,
  io: Io,
): Promise<number> => {
  const why = given.text('why')
  let met = 0
  const done = async (selection: Selection): Promise<number> => {
    const reason = why === undefined ? {} : { why }
    const found = (await client.call({ do: 'operate', operation, match: selection, ...reason })) as number
    met += found
    return found
  }
  let code: number = EXIT.ok
  let later = ''
  if (ids.length === 0) {
    await done(given.has('all') ? { ...match, all: true } : match)
  } else {
    code = await forEach(ids, io, async (id) => {
      if ((await done({ ...match, id })) > 0) {
        if (operation === 'release') later += await heldForSenders(client, { ...match, id })
        return EXIT.ok
      }
      const row = (await client.call({ do: 'show', id })) as MessageRow
      const held = MAY_BE_HELD.includes(operation) ? heldWhy(row) : undefined
      const over = `nothing to ${operation} in ${printable(id)}: all of it is done, or is being tried just now`
      complain(io, `smail: ${held ?? over}`)
      return EXIT.dataError
    })
  }
  await print(io, given.has('json') ? `${JSON.stringify({ recipients: met })}\n` : countText(met))
  if (ids.length === 0 && MAY_BE_HELD.includes(operation)) later = await heldForSenders(client, match)
  if (!given.has('json')) await print(io, later)
  return code
}

/** What these leave as it is may be held. */
const MAY_BE_HELD: readonly Operation['do'][] = ['retry', 'release']

const countText = (met: number): string => `${met} ${met === 1 ? 'recipient' : 'recipients'}\n`

const tell = async (client: ControlClient, what: 'show' | 'body' | 'trace', id: string, given: Given, io: Io) => {
  if (what === 'body') {
    await client.call({ do: what, id }, { chunk: (chunk) => print(io, chunk) })
    return EXIT.ok
  }
  const found = await client.call({ do: what, id })
  if (given.has('json')) await print(io, `${JSON.stringify(found)}\n`)
  else await print(io, what === 'show' ? messageText(found as MessageRow) : traceText(found as readonly Event[]))
  return EXIT.ok
}

interface Event {
  readonly at: string
  readonly text: string
}

const traceText = (events: readonly Event[]): string =>
  events.map(({ at, text }) => `${at}  ${printable(text)}\n`).join('')

const messageText = (row: MessageRow): string => {
  const { origin, facts, params } = row
  const from = [
    origin.protocol,
    origin.helo,
    origin.peer && `[${origin.peer}]`,
    origin.identity && `as ${origin.identity}`,
  ]
  const words = Object.entries(params).map(([name, value]) => (value === true ? name : `${name}=${value}`))
  return [
    rowText(row, systemClock().now()),
    `    came by ${origin.listener}: ${printable(from.filter(Boolean).join(' '))}\n`,
    `    ${facts.encoding}, longest line ${facts.longestLine}${words.length > 0 ? `, ${printable(words.join(' '))}` : ''}\n`,
  ].join('')
}
