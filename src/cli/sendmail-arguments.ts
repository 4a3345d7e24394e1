import { EXIT, Exit } from './exit.ts'

/** What sendmail was asked to do. Later options win over earlier ones. */
export interface SendmailArguments {
  readonly mode: 'mail' | 'smtp' | 'list' | 'verify' | 'aliases' | 'flush'
  readonly recipients: readonly string[]
  /** As given: an address, or empty for `<>`. Absent: whoever runs us. */
  readonly sender?: string
  readonly fullName?: string
  /** Recipients stand in the header (`-t`). */
  readonly fromHeader: boolean
  /** A line with a dot alone is a line like any other (`-i`). */
  readonly dots: boolean
  readonly verbose: boolean
  /** RFC 3461: `-N`, `-R`, `-V`. */
  readonly notify?: string
  readonly returns?: string
  readonly envelopeId?: string
}

type Draft = { -readonly [K in keyof SendmailArguments]: SendmailArguments[K] } & { recipients: string[] }

/** Options with a value, glued to them or next. Those not acted on are there so that their value is not taken for a recipient. */
const WITH_VALUE = 'BCFLNOVXRbefhopr'
/** Options whose value, if any, is glued to them. */
const GLUED = 'AMdqQ'
const FLAGS = 'GIUintvmsx'

const MODES: Readonly<Record<string, SendmailArguments['mode'] | undefined>> = {
  m: 'mail',
  s: 'smtp',
  p: 'list',
  v: 'verify',
  i: 'aliases',
}

/**
 * The arguments of sendmail(8) as its callers write them for thirty years: `-ti`, `-oi`, `-o i`, `-fADDR`, `-f ADDR`,
 * `-bs`. Throws `Exit` for what would mean something else than was asked.
 */
export const readArguments = (argv: readonly string[]): SendmailArguments => {
  const said: Draft = { mode: 'mail', recipients: [], fromHeader: false, dots: false, verbose: false }
  const rest = [...argv]
  for (let argument = rest.shift(); argument !== undefined; argument = rest.shift()) {
    if (argument === '--') {
      said.recipients.push(...rest.splice(0))
    } else if (argument.startsWith('-') && argument !== '-') {
      readCluster(argument.slice(1), rest, said)
    } else {
      said.recipients.push(argument)
    }
  }
  return said
}

const readCluster = (cluster: string, rest: string[], said: Draft): void => {
  for (let at = 0; at < cluster.length; at++) {
    const letter = cluster[at] ?? ''
    const glued = cluster.slice(at + 1)
    if (WITH_VALUE.includes(letter)) {
      const value = glued !== '' ? glued : rest.shift()
      if (value === undefined) throw new Exit(EXIT.usage, `option -${letter} needs a value`)
      withValue(letter, value, said)
      return
    }
    if (GLUED.includes(letter)) {
      if (letter === 'q') said.mode = 'flush'
      return
    }
    if (!FLAGS.includes(letter)) throw new Exit(EXIT.usage, `there is no option -${letter}`)
    if (letter === 't') said.fromHeader = true
    if (letter === 'i') said.dots = true
    if (letter === 'v') said.verbose = true
    if (letter === 'I') said.mode = 'aliases'
  }
}

const withValue = (letter: string, value: string, said: Draft): void => {
  switch (letter) {
    case 'b': {
      const mode = MODES[value]
      if (mode === undefined) {
        throw new Exit(
          EXIT.usage,
          value === 'd' || value === 'D' ? 'to run the server: smail run' : `there is no mode -b${value}`,
        )
      }
      said.mode = mode
      break
    }
    case 'f':
    case 'r':
      said.sender = value === '<>' ? '' : value
      break
    case 'F':
      said.fullName = value
      break
    case 'N':
      said.notify = value
      break
    case 'R':
      said.returns = value
      break
    case 'V':
      said.envelopeId = value
      break
    case 'o':
      if (value === 'i') said.dots = true
      break
    case 'O':
      if (/^IgnoreDots(=(t|true|y|yes|1))?$/i.test(value)) said.dots = true
      break
  }
}
