import type { Clock } from './clock.ts'
import type { Fields, Level, Log } from './log.ts'

/** `least`: events below this level are not written; `info` if absent. */
export interface LinesOptions {
  readonly clock: Pick<Clock, 'now'>
  readonly least?: Level
}

type Value = Fields[string]

const RANKS: Readonly<Record<Level, number>> = { debug: 0, info: 1, warn: 2, error: 3 }

/** Characters of one value, and values of one list, before it is cut: a line must not grow with what a peer sends. */
const MOST_CHARACTERS = 4096
const MOST_VALUES = 100

/** One JSON object a line: `time`, `level`, `event`, then the fields. Never throws; `write` gets whole lines. */
export const jsonLog = (write: (line: string) => void, options: LinesOptions): Log =>
  linesLog(write, options, (level, event, fields, time) => {
    let line = `{"time":"${time.toISOString()}","level":"${level}","event":${JSON.stringify(cut(event))}`
    for (const [name, value] of Object.entries(fields)) {
      if (value === undefined || OURS.has(name)) continue
      line += `,${JSON.stringify(name)}:${JSON.stringify(Array.isArray(value) ? listOf(value) : plain(value))}`
    }
    // JSON itself escapes only what is below a space; terminals and line readers take more than that for commands.
    return `${line.replace(/[\x7f-\x9f\u2028\u2029]|\p{Cf}/gu, escaped)}}`
  })

/** What the line itself says. */
const OURS: ReadonlySet<string> = new Set(['time', 'level', 'event'])

/** For people: the time of day, the event, the queue id, and the other fields as `name=value`. */
export const prettyLog = (write: (line: string) => void, colour: boolean, options: LinesOptions): Log => {
  const paint = (code: string, text: string) => (colour ? `\x1b[${code}m${text}\x1b[0m` : text)
  return linesLog(write, options, (level, event, fields, time) => {
    const { id, ...others } = fields
    const words = [paint('2', clockTime(time)), paint(PAINTS[level], level.padEnd(5)), paint('1', visible(cut(event)))]
    if (id !== undefined) words.push(paint('36', shown(id)))
    for (const [name, value] of Object.entries(others)) {
      if (value !== undefined) words.push(`${paint('2', `${visible(name)}=`)}${shown(value)}`)
    }
    return words.join(' ')
  })
}

const PAINTS: Readonly<Record<Level, string>> = { debug: '2', info: '32', warn: '33', error: '31' }

const linesLog = (
  write: (line: string) => void,
  { clock, least = 'info' }: LinesOptions,
  lineOf: (level: Level, event: string, fields: Fields, time: Date) => string,
): Log => ({
  event(level, event, fields = {}) {
    if (RANKS[level] < RANKS[least]) return
    try {
      write(`${lineOf(level, event, fields, new Date(clock.now()))}\n`)
    } catch {
      // Whoever logs is in the middle of something; a log that cannot be written must not be the end of it.
    }
  },
})

const cut = (text: string): string => (text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text)

const plain = (value: Value | string): unknown => (typeof value === 'string' ? cut(value) : value)

const listOf = (values: readonly string[]): readonly string[] => {
  const some = values.slice(0, MOST_VALUES).map(cut)
  return values.length > MOST_VALUES ? [...some, `… ${values.length - MOST_VALUES} more`] : some
}

const escaped = (character: string): string =>
  character
    .split('')
    .map((half) => `\\u${half.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('')

const visible = (text: string): string => text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]|\p{Cf}/gu, escaped)

const shown = (value: Value): string => {
  if (Array.isArray(value)) return `[${listOf(value).map(shown).join(' ')}]`
  const text = visible(cut(String(value)))
  return typeof value === 'string' && /[\s"=[\]]|^$/.test(text) ? JSON.stringify(text) : text
}

const clockTime = (time: Date): string => {
  const two = (n: number) => String(n).padStart(2, '0')
  const ms = String(time.getMilliseconds()).padStart(3, '0')
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}.${ms}`
}
