import { hint } from '../config/wording.ts'
import { EXIT, Exit } from './exit.ts'
import { printable } from './io.ts'

/** What sendmail was asked to do. Later options win over earlier ones. */
export interface SendmailArguments {
  readonly mode: 'mail' | 'smtp' | 'list' | 'verify' | 'aliases' | 'flush' | 'help'
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
  /** Its sender shall be able to ask what became of it (RFC 3885). */
  readonly track?: true
  /** What `flush` is about; absent: everything. */
  readonly flush?: { readonly id: string } | { readonly domain: string }
  /** Settings that name the instance (`-C`, `--config`). */
  readonly config?: string
}

type Draft = { -readonly [K in keyof SendmailArguments]: SendmailArguments[K] } & { recipients: string[] }

/** Options with a value, glued to them or next. */
const WITH_VALUE = 'CFNORVbfor'
/** Options whose value, if any, is glued to them. */
const GLUED = 'q'
const FLAGS = 'Iitv'

/**
 * Options that sendmail once had and that mean nothing here, as they mean nothing in Postfix: body type, label, log file,
 * errors, hops, protocol; configuration for submission; gateway and user submission, and some that were so by default.
 */
const IGNORED = { withValue: 'BLXehp', glued: 'A', flags: 'GUcmnx' } as const

const LONG = ['config', 'help', 'track']

const MODES: Readonly<Record<string, SendmailArguments['mode'] | undefined>> = {
  m: 'mail',
  s: 'smtp',
  p: 'list',
  v: 'verify',
  i: 'aliases',
}

/**
 * The arguments of sendmail(8) as its callers write them for thirty years: `-ti`, `-oi`, `-o i`, `-fADDR`, `-f ADDR`,
 * `-bs`. Throws `Exit` for what would mean something else than was asked, and for control characters, which mean harm.
 */
export const readArguments = (argv: readonly string[], mode: SendmailArguments['mode'] = 'mail'): SendmailArguments => {
  const strange = argv.find((argument) => /[\p{Cc}\u2028\u2029]/u.test(argument))
  if (strange !== undefined) throw usage(`there is a control character in '${printable(strange).slice(0, 100)}'`)
  const said: Draft = { mode, recipients: [], fromHeader: false, dots: false, verbose: false }
  const rest = [...argv]
  for (let argument = rest.shift(); argument !== undefined; argument = rest.shift()) {
    if (argument === '--') {
      said.recipients.push(...rest.splice(0))
    } else if (argument.startsWith('--')) {
      readLong(argument.slice(2), rest, said)
    } else if (argument.startsWith('-') && argument !== '-') {
      readCluster(argument.slice(1), rest, said)
    } else {
      said.recipients.push(argument)
    }
  }
  return said
}

const usage = (text: string): Exit => new Exit(EXIT.usage, `${text}\n${USAGE}`)

const USAGE = 'usage: sendmail [OPTION…] [RECIPIENT…]; sendmail --help says more'

const readLong = (argument: string, rest: string[], said: Draft): void => {
  const [, name = '', glued] = /^([^=]*)(?:=(.*))?$/su.exec(argument) ?? []
  if (name === 'help') {
    said.mode = 'help'
  } else if (name === 'config') {
    said.config = demanded('--config', glued ?? rest.shift())
  } else if (name === 'track' && glued === undefined) {
    said.track = true
  } else {
    throw usage(`there is no option --${name}${hint(name, LONG)}`)
  }
}

const demanded = (option: string, value: string | undefined): string => {
  if (value === undefined) throw usage(`option ${option} needs a value`)
  return value
}

const readCluster = (cluster: string, rest: string[], said: Draft): void => {
  for (let at = 0; at < cluster.length; at++) {
    const letter = cluster[at] ?? ''
    const glued = cluster.slice(at + 1)
    if (WITH_VALUE.includes(letter) || IGNORED.withValue.includes(letter)) {
      withValue(letter, demanded(`-${letter}`, glued !== '' ? glued : rest.shift()), said)
      return
    }
    if (GLUED.includes(letter)) {
      flush(glued, said)
      return
    }
    if (IGNORED.glued.includes(letter)) return
    if (!FLAGS.includes(letter) && !IGNORED.flags.includes(letter)) throw usage(`there is no option -${letter}`)
    if (letter === 't') said.fromHeader = true
    if (letter === 'i') said.dots = true
    if (letter === 'v') said.verbose = true
    if (letter === 'I') said.mode = 'aliases'
  }
}

/** `-q`, `-q15m`, and what of the queue is meant: `-qIID`, `-qRDOMAIN`. */
const flush = (what: string, said: Draft): void => {
  const [, kind, text = ''] = /^(?:([IR])(.+)|\d.*)?$/.exec(what) ?? ['', 'none']
  if (kind === 'none') throw usage(`there is no option -q${what}`)
  said.mode = 'flush'
  if (kind === 'I') said.flush = { id: text }
  if (kind === 'R') said.flush = { domain: text }
}

const withValue = (letter: string, value: string, said: Draft): void => {
  switch (letter) {
    case 'b': {
      const mode = MODES[value]
      if (mode === undefined) {
        throw usage(value === 'd' || value === 'D' ? 'to run the server: smail run' : `there is no mode -b${value}`)
      }
      said.mode = mode
      break
    }
    case 'f':
    case 'r':
      said.sender = value === '<>' ? '' : value
      break
    case 'C':
      said.config = value
      break
    case 'X':
      // Mail would bounce to another address than was asked.
      if (/^V(..)?$/.test(value)) throw usage('there is no option -XV')
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

/** What `sendmail --help` prints. */
export const HELP = `usage: sendmail [OPTION…] [RECIPIENT…]
       mailq [OPTION…]

Takes a message from standard input and gives it to the running instance; where none answers, it is left in the drop
directory, and the next one takes it from there.

  -C FILE, --config FILE  settings that name the instance and its drop directory
  -t           recipients stand in the header
  -i, -oi      a line with a dot alone does not end the message
  -f ADDRESS   the sender; -r is the same
  -F NAME      the sender's full name, where there is no From field
  -N never | success,failure,delay   -R full | hdrs   -V ID   reports that are wanted (RFC 3461)
  --track      have it tracked (RFC 3885), and print the URI for smail track: whoever has it may ask
  -v           say under which id it is queued
  -bm  take a message, the default      -bs  speak SMTP        -bp  list the queue, as mailq does
  -bv  say what becomes of mail for the recipients             -bi, -I  nothing to do for aliases
  -q, -qIID, -qRDOMAIN  try now what waits

Taken and ignored: -A -B -G -L -O -U -X -c -e -h -m -n -o -p -x. Anything else is refused with exit code 64.
`
