import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { parse } from 'yaml'
import { z } from 'zod'
import { playServerText } from './doubles/dialogues.ts'

const STATES = ['connected', 'greeted', 'mail', 'rcpt', 'body'] as const

type State = (typeof STATES)[number]

const tables = z
  .array(
    z.strictObject({
      with: z.string(),
      greeting: z.string(),
      commands: z.record(z.string(), z.array(z.union([z.string(), z.number()])).length(STATES.length)),
    }),
  )
  .parse(parse(readFileSync('test/states.yaml', 'utf8')))

/** What brings a session from each state to the next. */
const STEPS = ['MAIL FROM:<a@example.org>', 'RCPT TO:<b@example.test>', 'BDAT 1\\r\\nx'] as const

/** What DATA is answered, whose answer tells each state from the others. */
const TOLD: Readonly<Record<State, string>> = {
  connected: '503 Say EHLO first',
  greeted: '503 Not before MAIL',
  mail: '5* No valid recipients',
  rcpt: '354 *',
  body: '503 Not in this transaction',
}

/** A client's line and its answer, however many lines that has. */
const said = (command: string, answer: string): string => {
  const octets = /^BDAT \d+.*\\r\\n/.test(command)
  return `${octets ? 'C-' : 'C:'} ${command}\n${answer && `R: ${answer}\n`}`
}

const dialogue = (table: (typeof tables)[number], command: string, state: State, answer: string): string => {
  const greeted = [table.greeting, ...STEPS].slice(0, STATES.indexOf(state)).map((line) => said(line, '250 *'))
  const [, code = '', then = state] = /^(\d*) ?(\w*)$/.exec(answer)?.map((part) => part || undefined) ?? []
  const lines = [`# with: ${table.with}`, 'S: 220 *', ...greeted]
  const text = command.replaceAll('\r\n', '\\r\\n')
  lines.push(said(text, code && `${code} *`))
  if (code === '354') lines.push(said('.', '250 *'))
  if (then === 'tls') lines.push('T!')
  if (then === 'taken') lines.push('M: *')
  if (then === 'closed') lines.push(code === '501' ? 'S: 421 *' : '', 'S!')
  else lines.push(said('DATA', TOLD[then === 'taken' ? 'greeted' : then === 'tls' ? 'connected' : (then as State)]))
  return lines.join('\n')
}

describe('what each command is answered in each state, and what the state is then', () => {
  for (const table of tables) {
    for (const [command, answers] of Object.entries(table.commands)) {
      for (const [index, state] of STATES.entries()) {
        test(`${table.greeting.slice(0, 4)}: ${JSON.stringify(command)} in ${state}`, () =>
          playServerText('states', dialogue(table, command, state, String(answers[index]))))
      }
    }
  }
})
