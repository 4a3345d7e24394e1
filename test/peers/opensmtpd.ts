import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeCertificate } from './certificate.ts'
import { startDaemon } from './daemon.ts'
import { ASIDE, program } from './installed.ts'
import { chownTo, idsOf } from './owners.ts'
import type { StartPeer } from './peer.ts'
import { freePort } from './ports.ts'

const SPOOL = '/var/spool/smtpd'

/** OpenSMTPD with a spool and settings of its own. */
export const startOpenSmtpd: StartPeer = async (scene, { domain, ports, more = '' }) => {
  const folder = scene.folder('opensmtpd')
  const port = await freePort()
  const [settings, spool, mail] = [join(folder, 'settings'), join(folder, 'spool'), join(folder, 'mail')]
  for (const path of [settings, spool, mail]) mkdirSync(path)
  spoolFolders(spool)
  for (const user of ['bob', 'carol']) {
    mkdirSync(join(mail, user))
    chownTo('nobody', join(mail, user))
  }
  const { certificate, key } = makeCertificate(settings, `mx.${domain}`)
  const file = join(settings, 'smtpd.conf')
  writeFileSync(
    file,
    `
pki ours cert "${certificate}"
pki ours key "${key}"
smtp max-message-size 50M
mta limit conn-delay-host 0
mta limit conn-delay-route 0
table users { bob = "65534:65534:${mail}/bob", carol = "65534:65534:${mail}/carol" }
table names { bob = bob, carol = carol }
listen on 127.0.0.1 port ${port} tls pki ours hostname mx.${domain}
action "store" maildir virtual <names> userbase <users>
action "clear" relay host "smtp+notls://127.0.0.1:${ports.clear}"
action "tls" relay host "smtp+tls://127.0.0.1:${ports.tls}" tls no-verify
${more}
match from any for domain { "${domain}", "clear.${domain}" } action "store"
match from any for domain "clear.test" action "clear"
match from any for domain "tls.test" action "tls"
`,
  )
  const daemon = await startDaemon(scene, {
    argv: [program('smtpd'), '-d', '-f', file],
    folder,
    port,
    sees: [
      ['/run', 'empty'],
      [SPOOL, spool],
      ['/usr/libexec/opensmtpd', join(ASIDE, 'usr/libexec/opensmtpd')],
    ],
  })
  return { ...daemon, domain, maildir: (user) => join(mail, user, 'Maildir') }
}

/** With the owners and modes that it insists on. */
const spoolFolders = (spool: string): void => {
  const { uid, gid } = idsOf('opensmtpq')
  chmodSync(spool, 0o711)
  for (const name of ['offline', 'purge', 'temporary', 'incoming', 'queue', 'corrupt']) {
    const path = join(spool, name)
    const isOffline = name === 'offline'
    mkdirSync(path)
    chmodSync(path, isOffline ? 0o770 : 0o700)
    chownSync(path, isOffline ? 0 : uid, isOffline ? gid : 0)
  }
}
