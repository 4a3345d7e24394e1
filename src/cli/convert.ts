import { tmpdir } from 'node:os'
import { converted } from '../mime/convert/converted.ts'
import { type ConversionPlan, planConversion } from '../mime/convert/plan.ts'
import type { ConversionRules, PartFate } from '../mime/convert/rules.ts'
import { ScratchFile } from '../mime/convert/scratch-file.ts'
import type { Scratch } from '../mime/convert/tape.ts'
import { separator } from '../mime/fields.ts'
import { inspector } from '../mime/inspect.ts'
import { withLf } from '../mime/line-ends.ts'
import { type MessageInput, openMessage } from './convert-input.ts'
import { EXIT, Exit } from './exit.ts'
import { type Io, print, printable } from './io.ts'
import type { Given, Usage } from './usage.ts'

export const convertUsage: Usage = {
  name: 'convert',
  line: 'smail convert --to 7bit|8bit [--explain] [--signed convert] [--headers encode] [FILE]',
  does:
    'Converts a message as a host needs it that takes 7-bit mail only (7bit), or 8-bit mail with neither binary parts nor\n' +
    'UTF-8 in header fields (8bit), and prints it. Reads FILE or standard input; lines end as they do there, with CRLF or\n' +
    'LF. What cannot be converted is told with the status its sender would get; exit 65.',
  options: {
    to: { type: 'string', value: '7bit|8bit', does: 'what the host takes' },
    explain: { type: 'boolean', does: 'print what would become of each part instead' },
    signed: {
      type: 'string',
      value: 'bounce|convert',
      does: 'whether signatures may break, as conversion.signed says',
    },
    headers: { type: 'string', value: 'refuse|encode', does: 'what becomes of UTF-8 in header fields' },
  },
}

/** RFC 5322 2.1.1, RFC 5321 4.5.3.1.6. */
const MOST_OF_LINE = 998
/** Octets of a header that are looked at for whether it is one. */
const MOST_OF_HEADER = 65_536

export const convert = async (given: Given, io: Io): Promise<number> => {
  const [file, ...more] = given.words
  if (more.length > 0) throw new Exit(EXIT.usage, `one file at a time\nusage: ${convertUsage.line}`)
  const encoding = oneOf(given, 'to', ['7bit', '8bit'])
  if (encoding === undefined) throw new Exit(EXIT.usage, `--to is missing\nusage: ${convertUsage.line}`)
  const signed = oneOf(given, 'signed', ['bounce', 'convert']) ?? 'bounce'
  const utf8Headers = oneOf(given, 'headers', ['refuse', 'encode']) ?? 'refuse'
  await using input = await opened(file, io)
  const message = await asSent(input)
  const header = encoding === '7bit' || (await hasUtf8Header(message)) ? 'ascii' : 'raw'
  const rules = { encoding, maxLine: MOST_OF_LINE, header, signed, utf8Headers } as const
  await using scratch = new ScratchFile(tmpdir())
  const about = { input, message, rules, scratch, io }
  return await (given.has('explain') ? explain(about) : write(about))
}

const oneOf = <const W extends string>(given: Given, option: string, words: readonly W[]): W | undefined => {
  const text = given.text(option)
  const word = words.find((one) => one === text)
  if (word !== undefined || text === undefined) return word
  throw new Exit(EXIT.usage, `--${option} is '${printable(text)}'; expected one of ${words.join(', ')}`)
}

const opened = async (file: string | undefined, io: Io): Promise<MessageInput> => {
  try {
    return await openMessage(file === undefined || file === '-' ? io.stdin : file)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === undefined) throw error
    const why = code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a folder' : message
    throw new Exit(code === 'ENOENT' ? EXIT.noInput : EXIT.ioError, `${printable(file ?? '-')}: ${why}`)
  }
}

type Content = Pick<MessageInput, 'lineEnds' | 'content'>

/** Text without a header is sent behind one, and an empty line divides them. */
const asSent = async (message: Content): Promise<Content> => {
  const inspection = inspector({ maxHeader: MOST_OF_HEADER })
  for await (const piece of message.content()) {
    inspection.write(piece)
    if (inspection.headerEnded) break
  }
  const between = separator(inspection.end().header)
  if (between === '') return message
  return {
    lineEnds: message.lineEnds,
    async *content() {
      yield Buffer.from(between)
      yield* message.content()
    },
  }
}

/** A host of 8-bit mail takes octets that are not UTF-8 as they are; UTF-8 needs more than that (RFC 6531). */
const hasUtf8Header = async (message: Content): Promise<boolean> => {
  const inspection = inspector({ maxHeader: 0 })
  for await (const piece of message.content()) inspection.write(piece)
  return inspection.end().facts.rawHeaders?.utf8 === true
}

interface Conversion {
  readonly input: Content
  readonly message: Content
  readonly rules: ConversionRules
  readonly scratch: Scratch
  readonly io: Io
}

const planned = async (
  { message, rules, scratch }: Conversion,
  onPart: (part: PartFate) => void = () => {},
): Promise<ConversionPlan> => {
  const plan = await planConversion(message.content(), rules, { scratch, onPart })
  if ('status' in plan) throw new Exit(EXIT.dataError, `${plan.status} ${printable(plan.why)}`)
  return plan
}

const write = async (about: Conversion): Promise<number> => {
  const { input, message, io } = about
  const plan = await planned(about)
  const result = plan.changes ? converted(message.content(), plan) : input.content()
  for await (const piece of message.lineEnds === 'LF' ? withLf(result) : result) await print(io, piece)
  return EXIT.ok
}

const explain = async (about: Conversion): Promise<number> => {
  const { io } = about
  const plan = await planned(about, (part) => void io.stdout.write(`${told(part)}\n`))
  await print(io, `${summary(plan)}\n`)
  return EXIT.ok
}

const summary = ({ changes, facts, broken }: ConversionPlan): string => {
  if (!changes) return 'It can go as it is.'
  const signatures = broken.length > 0 ? `; breaks the signatures of ${printable(broken.join(', '))}` : ''
  return `It has ${facts.octets} octets then, with CRLF at line ends${signatures}.`
}

/** A part in a line, indented by its depth. */
const told = ({ depth, type, place, octets, encoding, label, fate, why, fields }: PartFate): string => {
  // Refused within its header, a part has no type yet.
  const name = type !== '' ? type : depth === 0 ? 'the message' : 'a part'
  const what = place === 'part' ? [name, encoding] : [`${place} of ${name}`]
  const body = [...what, octets > 0 ? `${octets} octets` : ''].filter((word) => word !== '').join(', ')
  const becomes = [
    fate,
    ...(label === undefined || label === fate ? [] : [`labelled ${label}`]),
    ...(why === undefined ? [] : [why]),
    ...(fields.length > 0
      ? [`header fields encoded or folded: ${fields.map((field) => field || '(no name)').join(', ')}`]
      : []),
  ]
  return `${'  '.repeat(place === 'part' ? depth : depth + 1)}${printable(body)}: ${printable(becomes.join('; '))}`
}
