import { readdirSync } from 'node:fs'
import { ASIDE } from '../test/peers/installed.ts'
import { settleSendmail } from '../test/peers/sendmail-cf.ts'
import { finish, firstOf, launch, type Peer, untilListening } from './peer.ts'

/**
 * Default settings but for the time of delivery: before the client is answered, so that the process that does it is not
 * left by its parent and can be counted.
 */
export const sendmail: Peer = {
  name: 'sendmail',
  pace: 1,
  warmth: 1,
  absent() {
    if (process.getuid?.() !== 0) return 'only root can start it'
    const isThere = firstOf(`${ASIDE}/usr/sbin/sendmail-mta`) && firstOf('/usr/bin/m4')
    return isThere ? undefined : 'not installed (test/peers/install.sh installs it)'
  },
  async start({ folder, port, sink, mode }) {
    if (mode !== 'relay') throw new Error('It is only measured relaying')
    const more = "define(`confDELIVERY_MODE', `interactive')dnl"
    const { argv, sees } = settleSendmail({ folder, name: 'mta.bench.test', port, relay: sink, more })
    const log = `${folder}/log`
    const mounts = sees.map(([at, path]) => `mount --bind ${path} ${at} && `).join('')
    const child = launch('unshare', ['--mount', 'sh', '-c', `${mounts}exec "$@"`, 'sh', ...argv], log)
    await untilListening(child, port, log)
    return {
      pid: child.pid ?? 0,
      queued: () => readdirSync(`${folder}/queue`).filter((name) => name.startsWith('qf')).length,
      stop: () => finish(child),
    }
  },
}
