import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeCertificate } from './certificate.ts'
import { startDaemon } from './daemon.ts'
import type { StartPeer } from './peer.ts'
import { freePort } from './ports.ts'
import { settleSendmail } from './sendmail-cf.ts'

/** The argument is a Maildir, the mail is on standard input: Sendmail leaves delivery to programs. */
const STORE = `#!/bin/sh
set -e
mkdir -p "$1/tmp" "$1/new" "$1/cur"
file=$(mktemp "$1/tmp/XXXXXXXXXX")
cat >"$file"
mv "$file" "$1/new/"
`

/** Mail for `tls.test` goes by the mailer `smtp`, all else by `esmtp`: they differ in their ports. */
const rules = (domain: string, mail: string, store: string): string => `
MAILER_DEFINITIONS
Mstore,	P=${store}, F=lsDFMPSn8qu, T=DNS/RFC822/X-Unix, A=store ${mail}/$u/Maildir
LOCAL_RULE_0
${[domain, `clear.${domain}`]
  .map(
    (one) => `Rbob < @ ${one} . >	$#store $: bob
Rcarol < @ ${one} . >	$#store $: carol
R$* < @ ${one} . >	$#error $@ 5.1.1 $: "550 There is nobody of that name here"
`,
  )
  .join('')}R$* < @ tls.test . >	$#smtp $@ [127.0.0.1] $: $1 < @ tls.test . >
`

/** Sendmail with a queue and settings of its own; `more` are m4 macros. Its log is the dialogue with all others. */
export const startSendmail: StartPeer = async (scene, { domain, ports, more = '' }) => {
  const folder = scene.folder('sendmail')
  const port = await freePort()
  const [settings, mail, store] = [join(folder, 'settings'), join(folder, 'mail'), join(folder, 'store')]
  for (const path of [settings, mail]) mkdirSync(path)
  writeFileSync(store, STORE, { mode: 0o755 })
  const { certificate, key } = makeCertificate(settings, `mx.${domain}`)
  const { argv, sees } = settleSendmail({
    folder: settings,
    name: `mx.${domain}`,
    port,
    relay: ports.clear,
    more: `define(\`SMTP_MAILER_ARGS', \`TCP $h ${ports.tls}')dnl
define(\`confSERVER_CERT', \`${certificate}')dnl
define(\`confSERVER_KEY', \`${key}')dnl
define(\`confCACERT', \`${certificate}')dnl
define(\`confCACERT_PATH', \`${settings}')dnl
${more}`,
    rules: rules(domain, mail, store),
  })
  const log = join(folder, 'dialogue')
  const daemon = await startDaemon(scene, { argv: [...argv, '-X', log], folder, port, sees, logs: [log] })
  return { ...daemon, domain, maildir: (user) => join(mail, user, 'Maildir') }
}
