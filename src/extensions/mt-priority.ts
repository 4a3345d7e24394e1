import type { ParamBag } from '../mail/envelope.ts'
import { refuse, reply } from '../mail/reply.ts'
import type { Header } from '../mime/fields.ts'
import type { Extension, Param, Schedule, Session, Transaction } from '../smtp/extension.ts'
import { get } from '../smtp/param.ts'

const VALUE = /^(?:0|-?[1-9])$/

/** RFC 6710 4.1 has another status than 5.5.4. */
const WRONG = 'MT-PRIORITY is a whole number from -9 to 9, and given once'

const MT_PRIORITY: Param<number> = {
  name: 'MT-PRIORITY',
  maxOctets: 15,
  read: (text) => (text !== true && VALUE.test(text) ? Number(text) : refuse(501, '5.5.2', WRONG)),
  answers: { repeated: reply(501, '5.5.2', WRONG) },
}

const FIELD = 'MT-Priority'

/** Levels of the registered policies (RFC 6710, appendices A to C), ascending. */
export const priorityPolicies: Readonly<Record<'MIXER' | 'STANAG4406' | 'NSEP', readonly number[]>> = {
  MIXER: [-4, 0, 4],
  STANAG4406: [-4, -2, 0, 2, 4, 6],
  NSEP: [-2, 0, 2, 4, 6],
}

/** What is special for mail of one level. Octets at most; how the queue tries it, in milliseconds. */
export interface PriorityLevel extends Pick<Schedule, 'retry' | 'lifetime'> {
  readonly size?: number
}

export interface PrioritySettings {
  readonly policy: keyof typeof priorityPolicies
  /** Whether clients are told which policy it is. */
  readonly announce: boolean
  /** The highest priority that those who are trusted may ask for, and that others may. */
  readonly most: number
  readonly others: number
  /** Less is not taken; for submission alone (RFC 6710 4.1). */
  readonly least: number
  readonly levels: ReadonlyMap<number, PriorityLevel>
}

/** What a server of ours needs for it. */
export interface PriorityServices {
  /** Whether this client's mail may be more urgent than others'. */
  readonly trusts: (session: Session) => boolean
  /** Told what was asked for and what is given. */
  readonly note?: (session: Session, asked: number, given: number) => void
}

export const priorityDefaults: PrioritySettings = {
  policy: 'MIXER',
  announce: true,
  most: 9,
  others: 0,
  least: -9,
  levels: new Map(),
}

/** A value without its comments (RFC 6758 section 4); undefined for anything but a priority. */
const readField = (value: string): number | undefined => {
  let depth = 0
  let bare = ''
  for (const [piece] of value.matchAll(/\\.|[()]|[^\\()]+|\\/gs)) {
    if (piece === '(') depth++
    else if (piece === ')') depth--
    else if (depth === 0) bare += piece
    if (depth < 0) return undefined
  }
  const text = bare.trim()
  return depth === 0 && VALUE.test(text) ? Number(text) : undefined
}

/** What the header asks for; undefined where it asks for nothing. What is given twice or wrongly asks for what is usual. */
const askedBy = (header: Header): number | undefined => {
  const values = header.values(FIELD)
  const [only = ''] = values
  if (values.length === 0) return undefined
  return values.length === 1 ? (readField(only) ?? 0) : 0
}

const withPriority = (params: ParamBag, priority: number): ParamBag => ({ ...params, 'MT-PRIORITY': String(priority) })

const changed = (given: number): string => `${given} is the priority that it has here`

/**
 * MT-PRIORITY, RFC 6710: more urgent mail goes first. To a host without it the priority goes in a header field, and
 * comes in one (RFC 6758). Without `services` it is there for clients alone.
 */
export const mtPriority = (settings: PrioritySettings = priorityDefaults, services?: PriorityServices): Extension => {
  const levels: readonly number[] = priorityPolicies[settings.policy]
  /** Rounded up, or the highest there is (RFC 6710 section 5). */
  const levelOf = (priority: number): number => levels.find((level) => level >= priority) ?? levels.at(-1) ?? 0

  return {
    keyword: 'MT-PRIORITY',
    rfc: [6710, 6758],
    words: { relay: 'passed on; else as the header field MT-Priority' },
    params: { MAIL: [MT_PRIORITY] },
    ...(services ? { server: serverOf(settings, levelOf, services) } : {}),
    client: {
      without: (mail) => [{ do: 'replaceField', field: [FIELD, String(get(mail.envelope.params, MT_PRIORITY) ?? 0)] }],
      // Also of mail that nothing was said of (RFC 6758 3.2).
      adds: ({ envelope: { params } }) => withPriority({}, get(params, MT_PRIORITY) ?? 0),
    },
    queue: {
      // Of mail from programs of this machine; what comes by SMTP has been looked at by then.
      fromHeader(envelope, header) {
        const asked = get(envelope.params, MT_PRIORITY) === undefined ? askedBy(header) : undefined
        if (asked === undefined) return envelope
        return { ...envelope, params: withPriority(envelope.params, Math.min(asked, settings.others)) }
      },
      schedule({ params }) {
        const level = levelOf(get(params, MT_PRIORITY) ?? 0)
        const { size: _, ...how } = settings.levels.get(level) ?? {}
        return { ...(level === 0 ? {} : { priority: level }), ...how }
      },
    },
    report: {
      envelope: ({ params }) =>
        get(params, MT_PRIORITY) === undefined ? undefined : withPriority({}, get(params, MT_PRIORITY) ?? 0),
    },
  }
}

const serverOf = (
  { policy, announce, most, others, least, levels }: PrioritySettings,
  levelOf: (priority: number) => number,
  { trusts, note }: PriorityServices,
): NonNullable<Extension['server']> => {
  const demand = (priority: number, octets: number): void => {
    if (priority < least) refuse(450, '4.7.15', `Priorities from ${least} up are taken just now`)
    const size = levels.get(levelOf(priority))?.size
    if (size !== undefined && octets > size)
      refuse(552, '5.7.16', `At most ${size} octets are taken with that priority`)
  }
  const give = (asked: number, octets: number, session: Session): number => {
    const given = Math.min(asked, trusts(session) ? most : others)
    note?.(session, asked, given)
    demand(given, octets)
    return given
  }
  /** Without the parameter the header may ask for another priority: then it is seen at the end. */
  const demandSize = (total: number, { params }: Transaction): void => {
    const given = get(params, MT_PRIORITY)
    if (given !== undefined) demand(given, total)
  }

  return {
    offer: () => (announce ? [policy] : []),
    onMail(_sender, params, session) {
      const asked = get(params, MT_PRIORITY)
      const octets = Number(params['SIZE'] ?? 0)
      if (asked === undefined) return
      const given = give(asked, octets, session)
      if (given === asked) return
      return { reply: reply(250, '2.3.6', changed(given)), params: withPriority(params, given) }
    },
    onAnnounced: demandSize,
    onBody: demandSize,
    atEnd({ header, facts }, { params }, session) {
      if (get(params, MT_PRIORITY) !== undefined) return
      const asked = askedBy(header)
      if (asked === undefined) return demand(0, facts.octets)
      const given = give(asked, facts.octets, session)
      return {
        params: withPriority(params, given),
        ...(given === asked ? {} : { says: ({ lines }) => reply(250, '2.3.6', `${changed(given)}; ${lines[0]}`) }),
      }
    },
    traceMark: (_session, params) =>
      get(params, MT_PRIORITY) === undefined ? undefined : { clause: `PRIORITY ${get(params, MT_PRIORITY)}` },
  }
}
