import type { Daemon } from './daemon.ts'
import type { Scene } from './scene.ts'
import type { Ports } from './smail.ts'

export interface PeerOptions {
  /** Its own, as is `clear.DOMAIN`; it has the users `bob` and `carol` there. */
  readonly domain: string
  /** Where it sends mail: for `clear.test` without TLS, for `tls.test` only with STARTTLS. */
  readonly ports: Ports
  /** More for its settings file. */
  readonly more?: string
}

/** Another mail transfer agent. */
export interface Peer extends Daemon {
  readonly domain: string
  /** The Maildir of one of its users. */
  maildir(user: string): string
}

/** Runs on return. */
export type StartPeer = (scene: Scene, options: PeerOptions) => Promise<Peer>
