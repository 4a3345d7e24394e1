import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeCertificate } from './certificate.ts'
import { startDaemon } from './daemon.ts'
import { program } from './installed.ts'
import { chownTo } from './owners.ts'
import type { StartPeer } from './peer.ts'
import { freePort } from './ports.ts'

/** Exim with a spool and settings of its own. Towards `clear.test` it does without BDAT. */
export const startExim: StartPeer = async (scene, { domain, ports, more = '' }) => {
  const folder = scene.folder('exim')
  const port = await freePort()
  const [settings, spool, mail] = [join(folder, 'settings'), join(folder, 'spool'), join(folder, 'mail')]
  for (const path of [settings, spool, mail]) mkdirSync(path)
  const { certificate, key } = makeCertificate(settings, `mx.${domain}`)
  chownTo('Debian-exim', spool, mail, certificate, key)
  const log = join(spool, 'log')
  writeFileSync(
    join(settings, 'exim4.conf'),
    `
exim_path = ${program('exim4')}
spool_directory = ${spool}
log_file_path = ${log}/%slog
log_selector = +tls_cipher
pid_file_path = ${spool}/exim.pid
primary_hostname = mx.${domain}
daemon_smtp_ports = ${port}
local_interfaces = 127.0.0.1
never_users =
deliver_drop_privilege = true
keep_environment =
message_size_limit = 50M
${more.includes('accept_8bitmime') ? '' : 'accept_8bitmime = true'}
dsn_advertise_hosts = *
tls_advertise_hosts = *
tls_certificate = ${certificate}
tls_privatekey = ${key}
acl_smtp_rcpt = acl_rcpt
acl_smtp_data = accept
${more}

begin acl
acl_rcpt:
  deny domains = ${domain} : clear.${domain}
    ! local_parts = bob : carol
    message = There is nobody of that name here
  accept

begin routers
ours:
  driver = accept
  domains = ${domain} : clear.${domain}
  local_parts = bob : carol
  transport = store
clear:
  driver = manualroute
  route_list = clear.test 127.0.0.1
  self = send
  transport = clear
tls:
  driver = manualroute
  route_list = tls.test 127.0.0.1
  self = send
  transport = tls

begin transports
store:
  driver = appendfile
  user = Debian-exim
  directory = ${mail}/$local_part_data/Maildir
  maildir_format
  return_path_add
clear:
  driver = smtp
  port = ${ports.clear}
  hosts_avoid_tls = *
  hosts_try_chunking =
tls:
  driver = smtp
  port = ${ports.tls}
  hosts_require_tls = *
  tls_verify_certificates =

begin retry
* * F,2h,15m
`,
  )
  const daemon = await startDaemon(scene, {
    argv: [program('exim4'), '-bdf', '-q30m'],
    folder,
    port,
    sees: [['/etc/exim4', settings]],
    logs: [join(log, 'mainlog'), join(log, 'paniclog')],
  })
  return { ...daemon, domain, maildir: (user) => join(mail, user, 'Maildir') }
}
