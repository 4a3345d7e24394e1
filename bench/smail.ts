import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { finish, launch, type Peer, type Setup, untilListening } from './peer.ts'

const PROGRAM = join(import.meta.dirname, '../bin/smail')

const settings = ({ spool, folder, port, mode, sink }: Setup): string => `
hostname: mta.bench.test
listen:
  mx: { smtp: ["127.0.0.1:${port}"] }
relay-from: [127.0.0.0/8]
routers:
  sink: { smarthost: { hosts: ["127.0.0.1:${sink}"] } }
transports:
  local: { maildir: {} }
  smtp: { smtp: { tls: "off", concurrency: 50 } }
spool: { sqlite: { path: ${spool}/spool } }
queue: { concurrency: ${mode === 'hold' ? 0 : 200} }
log: { format: json }
control: { socket: ${folder}/control.sock }
drop: { directory: ${folder}/drop }
`

/** One process, its log in a file. */
export const smail: Peer = {
  name: 'smail',
  pace: 3,
  warmth: 25,
  absent: () => undefined,
  async start(setup) {
    const { spool, folder, port } = setup
    const config = `${folder}/smail.yaml`
    writeFileSync(config, settings(setup), { mode: 0o600 })
    const log = `${folder}/log`
    const child = launch(process.execPath, [PROGRAM, 'run', '--config', config], log)
    await untilListening(child, port, log)
    return {
      pid: child.pid ?? 0,
      queued() {
        const database = new DatabaseSync(`${spool}/spool/spool.db`, { readOnly: true })
        try {
          return Number(database.prepare('SELECT count(*) AS messages FROM message').get()?.['messages'])
        } finally {
          database.close()
        }
      },
      stop: () => finish(child),
    }
  },
}
