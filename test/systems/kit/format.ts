import * as z from 'zod'

/** What is written in a file of `test/systems/`; README.md there explains it to those who run mail. */

const oneOrMore = <T>(of: z.ZodType<T>): z.ZodType<readonly T[]> =>
  z.preprocess((given) => (Array.isArray(given) ? given : [given]), z.array(of))

const settings = z.record(z.string(), z.unknown())
const fields = z.record(z.string(), z.string())

const report = z.strictObject({
  about: fields.default({}),
  of: z.array(fields),
  returns: z.enum(['message', 'header']),
})

/** Names that begin with a capital are header fields. */
const letter = z
  .strictObject({
    text: z.string().optional(),
    report: report.optional(),
    from: z.string().optional(),
    to: oneOrMore(z.string()).optional(),
  })
  .catchall(z.string())

const letters = z.union([z.array(letter), z.strictObject({ number: z.int() })])

const answers = z.record(z.string(), oneOrMore(z.string()))

const host = z.strictObject({
  at: z.string().optional(),
  down: z.boolean().optional(),
  offers: z.array(z.string()).optional(),
  answers: answers.optional(),
})

const mail = z.strictObject({
  from: z.string(),
  to: oneOrMore(z.string()),
  subject: z.string().default('hello'),
  text: z.string().default('Good morning.'),
  octets: z.int().default(0),
  times: z.int().default(1),
  by: z.string().optional(),
  said: z.string().default('250 2.6.0 Ok: queued as *'),
})

const talk = z.union([
  z.string(),
  z.strictObject({
    as: z.string().optional(),
    from: z.string().optional(),
    by: z.string().optional(),
    says: z.string(),
  }),
])

const command = z.strictObject({
  run: z.string(),
  input: z.string().default(''),
  says: z.string().default('*'),
  code: z.int().default(0),
})

const stepSchema = z.strictObject({
  at: z.string().optional(),
  mail: mail.optional(),
  talk: talk.optional(),
  load: z.union([mail, z.literal('ends')]).optional(),
  advance: z.union([z.string(), z.strictObject({ time: z.string(), whatever: z.literal('is under way') })]).optional(),
  mailboxes: z.record(z.string(), letters).optional(),
  hosts: z.record(z.string(), host).optional(),
  arrived: z.record(z.string(), letters).optional(),
  connections: z.record(z.string(), z.strictObject({ least: z.int().default(0), most: z.int() })).optional(),
  closed: z.string().optional(),
  asked: fields.optional(),
  queue: z.array(z.string()).optional(),
  log: z.array(z.record(z.string(), z.string())).optional(),
  files: fields.optional(),
  dns: z.string().optional(),
  certificate: z.string().optional(),
  reload: z
    .strictObject({ settings: settings.default({}), says: z.string().default('*'), code: z.int().default(0) })
    .optional(),
  command: command.optional(),
  drain: z.enum(['begins', 'ends']).optional(),
  start: z.literal('again').optional(),
})

const scene = z.strictObject({
  scene: z.string(),
  settings: settings.default({}),
  others: z.record(z.string(), settings).default({}),
  files: fields.default({}),
  certificate: z.string().optional(),
  hosts: z.record(z.string(), host).default({}),
  dns: z.string().default(''),
  steps: z.array(stepSchema),
})

const systemSchema = z.strictObject({
  about: z.string(),
  settings: settings.default({}),
  others: z.record(z.string(), settings).default({}),
  files: fields.default({}),
  hosts: z.record(z.string(), host).default({}),
  dns: z.string().default(''),
  scenes: z.array(scene).min(1),
})

/** Throws what is not as it should be in a file of scenes, in words. */
export const readSystem = (name: string, given: unknown): System => {
  const read = systemSchema.safeParse(given)
  if (!read.success) throw new Error(`${name}:\n${z.prettifyError(read.error)}`)
  return read.data
}

export type System = z.output<typeof systemSchema>
export type Scene = z.output<typeof scene>
export type Step = z.output<typeof stepSchema>
export type Mail = z.output<typeof mail>
export type Letters = z.output<typeof letters>
export type LetterWish = z.output<typeof letter>
export type ReportWish = z.output<typeof report>
export type HostGiven = z.output<typeof host>
