import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeCertificate } from './certificate.ts'
import { type Daemon, startDaemon } from './daemon.ts'
import { chownTo } from './owners.ts'
import type { Peer, PeerOptions } from './peer.ts'
import { freePort } from './ports.ts'
import type { Scene } from './scene.ts'

const MASTER = `
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
verify    unix  - - n - 1 verify
proxymap  unix  - - n - - proxymap
smtp      unix  - - n - - smtp
relay     unix  - - n - - smtp
error     unix  - - n - - error
retry     unix  - - n - - error
virtual   unix  - n n - - virtual
anvil     unix  - - n - 1 anvil
scache    unix  - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
clear     unix  - - n - - smtp -o smtp_tls_security_level=none
`

export interface PostfixOptions extends PeerOptions {
  /** More services, a line of `master.cf` each. */
  readonly services?: string
}

/** Its certificate is for `mx.DOMAIN`. */
export interface Postfix extends Peer {
  readonly certificate: string
}

/** Postfix with a queue and settings of its own. */
export const startPostfix = async (scene: Scene, options: PostfixOptions): Promise<Postfix> => {
  const folder = scene.folder('postfix')
  const { domain, ports, more = '', services = '' } = options
  const port = await freePort()
  const [settings, queue, data, mail] = ['settings', 'queue', 'data', 'mail'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
    string,
  ]
  for (const path of [settings, queue, data, mail]) mkdirSync(path, { recursive: true })
  chownTo('postfix', data)
  chownTo('nobody', mail)
  const { certificate, key } = makeCertificate(settings, `mx.${domain}`)
  const domains = [domain, `clear.${domain}`]
  const users = domains.flatMap((one) => ['bob', 'carol'].map((user) => `${user}@${one} ${user}/Maildir/\n`))
  writeFileSync(join(settings, 'users'), users.join(''))
  writeFileSync(
    join(settings, 'routes'),
    `clear.test clear:[127.0.0.1]:${ports.clear}\ntls.test smtp:[127.0.0.1]:${ports.tls}\n`,
  )
  writeFileSync(join(settings, 'master.cf'), `127.0.0.1:${port} inet n - n - - smtpd\n${MASTER}${services}`)
  writeFileSync(
    join(settings, 'main.cf'),
    `
compatibility_level = 3.6
queue_directory = ${queue}
data_directory = ${data}
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
maillog_file_prefixes = ${folder}
maillog_file = ${join(folder, 'mail.log')}
myhostname = mx.${domain}
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
local_header_rewrite_clients =
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_peername_lookup = no
smtp_dns_support_level = disabled
message_size_limit = 52428800
virtual_mailbox_limit = 0
virtual_mailbox_domains = ${domains.join(', ')}
virtual_mailbox_base = ${mail}
virtual_mailbox_maps = texthash:${join(settings, 'users')}
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
virtual_minimum_uid = 1
transport_maps = texthash:${join(settings, 'routes')}
smtpd_tls_chain_files = ${key}, ${certificate}
smtpd_tls_security_level = may
smtp_tls_security_level = encrypt
${more}
`,
  )
  const log = join(folder, 'mail.log')
  const daemon: Daemon = await startDaemon(scene, {
    argv: ['/usr/sbin/postfix', '-c', settings, 'start-fg'],
    folder,
    port,
    logs: [log],
  })
  return { ...daemon, domain, certificate, maildir: (user) => join(mail, user, 'Maildir') }
}
