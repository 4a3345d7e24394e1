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

/** Dovecot with a mail store of its own, for LMTP only: `bob`, `carol` and `dave`, who has no room. */
export const startDovecot = async (scene: Scene): Promise<Peer & { readonly socket: string }> => {
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
  return { ...daemon, domain: DOMAIN, socket: join(run, 'lmtp'), maildir: (user) => join(mail, user, 'Maildir') }
}
