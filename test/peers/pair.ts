import assert from 'node:assert/strict'
import { before } from 'node:test'
import type { Peer, StartPeer } from './peer.ts'
import { sceneForTests } from './scene.ts'
import { freePorts, type Smail, startSmail } from './smail.ts'

/** A peer and Smail beside it, once the tests run. */
export interface Pair {
  readonly peer: () => Peer
  readonly smail: () => Smail
  /** What both have said, for whoever has to find out what went wrong. */
  readonly log: () => string
}

/**
 * Starts both before the tests of a suite, to be called where they are declared. Mail for the peer's domain goes there
 * over TLS when it can be had, and by BDAT; for `clear.DOMAIN` without, and by DATA.
 */
export const pairForTests = (domain: string, start: StartPeer, more?: string): Pair => {
  const scene = sceneForTests()
  let [peer, smail]: [Peer?, Smail?] = []
  before(async () => {
    const ports = await freePorts()
    peer = await start(scene, { domain, ports, ...(more === undefined ? {} : { more }) })
    smail = await startSmail(scene, { domain: 'clear.test', ports, settings: settingsFor(peer) })
  })
  return {
    peer: () => peer ?? assert.fail('It did not start'),
    smail: () => smail ?? assert.fail('It did not start'),
    log: () => `${peer?.log()}\n${smail?.log()}`,
  }
}

const settingsFor = ({ domain, port }: Peer) => ({
  domains: ['clear.test', 'tls.test'],
  routers: {
    peer: { static: { transport: 'smtp', routes: { [domain]: `127.0.0.1:${port}` } } },
    clear: { static: { transport: 'clear', routes: { [`clear.${domain}`]: `127.0.0.1:${port}` } } },
  },
  transports: {
    local: { maildir: {} },
    smtp: { smtp: {} },
    clear: { smtp: { tls: 'off', extensions: { chunking: 'off' } } },
  },
})
