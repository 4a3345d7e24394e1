import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname } from 'node:path'
import { finish, firstOf, launch, type Peer, type Setup, untilListening } from './peer.ts'

const CACHE = `${process.env['XDG_CACHE_HOME'] ?? `${homedir()}/.cache`}/smail-bench`

const home = (): string | undefined => firstOf(`${CACHE}/node_modules/Haraka`)

/** Relays for everyone, and looks no name up. */
const plugin = (sink: number): string => `
exports.hook_lookup_rdns = function (next) { next(OK, 'localhost') }
exports.hook_rcpt = function (next, connection) { connection.relaying = true; next(OK) }
exports.hook_get_mx = function (next) { next(OK, { priority: 0, exchange: '127.0.0.1', port: ${sink} }) }
`

const files = ({ spool, port, mode, sink }: Setup, connection: string): Record<string, string> => ({
  'package.json': '{"name":"bench-haraka","version":"1.0.0"}',
  'config/me': 'mta.bench.test\n',
  'config/host_list': 'localhost\n',
  'config/plugins': 'bench\n',
  'config/queue_dir': `${spool}/queue\n`,
  'config/smtp.ini': `listen=127.0.0.1:${port}\nnodes=0\n`,
  'config/connection.ini': connection.replace(/^;?\s*bytes\s*=.*$/m, 'bytes=52428800'),
  'config/databytes': '52428800\n',
  'config/log.ini': '[main]\nlevel=INFO\n',
  'config/outbound.ini': `disabled=${mode === 'hold'}\nconcurrency_max=100\nenable_tls=false\nlocal_mx_ok=true\n`,
  'plugins/bench.js': plugin(sink),
})

/** One process, as its own settings have it; on the Node that runs this. */
export const haraka: Peer = {
  name: 'haraka',
  pace: 0.5,
  warmth: 6,
  absent: () => (home() === undefined ? `not installed (npm install --prefix ${CACHE} Haraka)` : undefined),
  async start(setup) {
    const { spool, folder, port } = setup
    const program = home() ?? ''
    mkdirSync(`${spool}/queue`)
    for (const [name, text] of Object.entries(files(setup, readFileSync(`${program}/config/connection.ini`, 'utf8')))) {
      mkdirSync(dirname(`${folder}/${name}`), { recursive: true })
      writeFileSync(`${folder}/${name}`, text)
    }
    const log = `${folder}/log`
    const child = launch(process.execPath, [`${program}/bin/haraka`, '-c', folder], log)
    await untilListening(child, port, log)
    return {
      pid: child.pid ?? 0,
      queued: () =>
        readdirSync(`${spool}/queue`).filter((name) => !name.startsWith('.') && !name.startsWith('__')).length,
      stop: () => finish(child),
    }
  },
}
