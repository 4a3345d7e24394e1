import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { finish, firstOf, launch, type Peer, type Setup, untilListening } from './peer.ts'

const PROGRAM = '/usr/sbin/postfix'

/**
 * As fast as its settings make it: no delay of its own making, no names of clients looked up, no limits that one client
 * could meet, fifty deliveries to one destination.
 */
const main = ({ spool, mode, sink }: Setup): string => `
compatibility_level = 3.6
queue_directory = ${spool}/queue
data_directory = ${spool}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
myhostname = mta.bench.test
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
local_recipient_maps =
relayhost = [127.0.0.1]:${sink}
message_size_limit = 52428800
mailbox_size_limit = 0
smtpd_relay_restrictions = permit_mynetworks, reject
default_process_limit = 100
in_flow_delay = 0
smtpd_peername_lookup = no
smtpd_client_event_limit_exceptions = static:all
smtpd_client_connection_count_limit = 0
smtp_dns_support_level = disabled
default_destination_concurrency_limit = 50
initial_destination_concurrency = 50
default_destination_concurrency_negative_feedback = 0
smtp_connection_cache_on_demand = no
smtpd_timeout = 30s
strict_rfc821_envelopes = no
smtpd_tls_security_level = none
smtp_tls_security_level = none
${mode === 'hold' ? 'smtpd_client_restrictions = check_client_access static:HOLD' : ''}
`

const master = (port: number): string => `
127.0.0.1:${port} inet n - n - - smtpd
pickup    unix  n - n 60 1 pickup
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
verify    unix  - - n - 1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n - - proxymap
smtp      unix  - - n - - smtp
relay     unix  - - n - - smtp
showq     unix  n - n - - showq
error     unix  - - n - - error
retry     unix  - - n - - error
anvil     unix  - - n - 1 anvil
scache    unix  - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
`

const files = (folder: string): number =>
  readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length

/** Debian's package, in an instance of its own: the default one is neither used nor started. */
export const postfix: Peer = {
  name: 'postfix',
  pace: 1,
  warmth: 1,
  absent() {
    if (process.getuid?.() !== 0) return 'only root can start it'
    return firstOf(PROGRAM) === undefined ? 'not installed (test/peers/install.sh installs it)' : undefined
  },
  async start(setup) {
    const { spool, folder, port } = setup
    mkdirSync(`${spool}/queue`)
    mkdirSync(`${spool}/data`)
    execFileSync('chown', ['postfix:', `${spool}/data`])
    writeFileSync(`${folder}/main.cf`, main(setup))
    writeFileSync(`${folder}/master.cf`, master(port))
    const log = `${folder}/log`
    const child = launch(PROGRAM, ['-c', folder, 'start-fg'], log)
    await untilListening(child, port, log)
    return {
      pid: child.pid ?? 0,
      queued: () =>
        ['maildrop', 'incoming', 'active', 'deferred', 'hold']
          .map((queue) => files(`${spool}/queue/${queue}`))
          .reduce((sum, some) => sum + some),
      async stop() {
        execFileSync(PROGRAM, ['-c', folder, 'stop'], { stdio: 'ignore' })
        await finish(child)
      },
    }
  },
}
