import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { ASIDE, program } from './installed.ts'

/** What has to be installed for Sendmail. */
export const SENDMAIL = ['sendmail-mta', 'm4'] as const

const MACROS = join(ASIDE, 'usr/share/sendmail/cf')

export interface SendmailSettings {
  /** Its own, where it finds its settings and its queue. */
  readonly folder: string
  readonly name: string
  readonly port: number
  /** The port of 127.0.0.1 that all mail goes to which rules do not send elsewhere. */
  readonly relay: number
  /** More m4 macros, `define` and `FEATURE`. */
  readonly more?: string
  /** What follows those of mailers: m4 macros, mailers and rules, the sides of a rule divided by tabs. */
  readonly rules?: string
}

/** Default settings of Sendmail as far as possible: what asks the network, or would not work without root's files, is off. */
const macros = ({ folder, name, port, relay, more = '', rules = '' }: SendmailSettings): string => `divert(0)dnl
OSTYPE(\`linux')dnl
define(\`confDOMAIN_NAME', \`${name}')dnl
define(\`confDONT_PROBE_INTERFACES', \`True')dnl
define(\`confDONT_BLAME_SENDMAIL', \`TrustStickyBit')dnl
define(\`confSERVICE_SWITCH_FILE', \`${folder}/switch')dnl
define(\`confHOSTS_FILE', \`${folder}/hosts')dnl
define(\`confPID_FILE', \`${folder}/pid')dnl
define(\`QUEUE_DIR', \`${folder}/queue')dnl
define(\`STATUS_FILE', \`')dnl
define(\`ALIAS_FILE', \`')dnl
define(\`HELP_FILE', \`')dnl
define(\`confTO_IDENT', \`0')dnl
define(\`confQUEUE_LA', \`1000')dnl
define(\`confREFUSE_LA', \`1000')dnl
FEATURE(\`nocanonify')dnl
FEATURE(\`accept_unresolvable_domains')dnl
FEATURE(\`no_default_msa')dnl
DAEMON_OPTIONS(\`Name=MTA, Addr=127.0.0.1, Port=${port}')dnl
define(\`SMART_HOST', \`esmtp:[127.0.0.1]')dnl
define(\`ESMTP_MAILER_ARGS', \`TCP $h ${relay}')dnl
${more}
MAILER(\`smtp')dnl
${rules}
`

/** Writes all that Sendmail needs to its folder. `argv`: with it Sendmail runs in the foreground, in a view with `sees`. */
export const settleSendmail = (
  settings: SendmailSettings,
): { readonly argv: readonly string[]; readonly sees: readonly (readonly [string, string])[] } => {
  const { folder, name } = settings
  const file = (base: string) => join(folder, base)
  mkdirSync(file('queue'), { mode: 0o700 })
  writeFileSync(file('switch'), 'hosts files\naliases files\n')
  // Without a full name of the host's own it waits for a minute.
  writeFileSync(file('hosts'), `127.0.0.1 ${name} localhost\n127.0.1.1 ${hostname()}.test ${hostname()}\n`)
  const cf = execFileSync(program('m4'), [`-D_CF_DIR_=${MACROS}/`, join(MACROS, 'm4/cf.m4'), '-'], {
    input: macros(settings),
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  writeFileSync(file('sendmail.cf'), cf, { mode: 0o644 })
  return {
    argv: [program('sendmail-mta'), '-C', file('sendmail.cf'), '-bD', '-q1m'],
    sees: [['/etc/hosts', file('hosts')]],
  }
}
