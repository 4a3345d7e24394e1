import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeCertificate } from './certificate.ts'
import { startDaemon } from './daemon.ts'
import { program } from './installed.ts'
import { chownTo } from './owners.ts'
import type { Peer } from './peer.ts'
import { freePort } from './ports.ts'
import type { Scene } from './scene.ts'

const DOMAIN = 'dovecot.test'

export interface DovecotOptions {
  /** Whom it vouches for to other servers, with their passwords. */
  readonly logins?: Readonly<Record<string, string>>
}

export interface Dovecot extends Peer {
  /** Of its LMTP. */
  readonly socket: string
  /** Where other servers ask it who somebody is. */
  readonly auth: string
}

/** Dovecot with a mail store of its own, for LMTP only: `bob`, `carol` and `dave`, who has no room. */
export const startDovecot = async (scene: Scene, { logins = {} }: DovecotOptions = {}): Promise<Dovecot> => {
  const folder = scene.folder('dovecot')
  const port = await freePort()
  const [settings, run, mail] = [join(folder, 'settings'), join(folder, 'run'), join(folder, 'mail')]
  for (const path of [settings, run, mail]) mkdirSync(path)
  chownTo('nobody', mail)
  const { certificate, key } = makeCertificate(settings, `mx.${DOMAIN}`)
  const users = ['bob', 'carol', 'dave'].map((user) => {
    const quota = user === 'dave' ? 'userdb_quota_rule=*:bytes=1000' : ''
    return `${user}@${DOMAIN}::65534:65534::${mail}/${user}::${quota}\n`
  })
  writeFileSync(join(settings, 'users'), users.join(''))
  const known = Object.entries(logins).map(([user, password]) => `${user}:{PLAIN}${password}\n`)
  writeFileSync(join(settings, 'logins'), known.join(''))
  const file = join(settings, 'dovecot.conf')
  writeFileSync(
    file,
    `
protocols = lmtp
base_dir = ${run}
log_path = ${folder}/log
hostname = mx.${DOMAIN}
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:~/Maildir
mail_plugins = quota
plugin {
  quota = maildir:User quota
}
ssl_cert = <${certificate}
ssl_key = <${key}
userdb {
  driver = passwd-file
  args = ${join(settings, 'users')}
}
passdb {
  driver = passwd-file
  args = ${join(settings, 'users')}
}
passdb {
  driver = passwd-file
  args = ${join(settings, 'logins')}
}
auth_mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256
auth_failure_delay = 0
service auth {
  unix_listener asked {
    mode = 0666
  }
}
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = ${port}
  }
  unix_listener lmtp {
    mode = 0666
  }
}
`,
  )
  const daemon = await startDaemon(scene, {
    argv: [program('dovecot'), '-F', '-c', file],
    folder,
    port,
    logs: [join(folder, 'log')],
  })
  const sockets = { socket: join(run, 'lmtp'), auth: join(run, 'asked') }
  return { ...daemon, ...sockets, domain: DOMAIN, maildir: (user) => join(mail, user, 'Maildir') }
}
