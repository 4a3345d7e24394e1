import { isDeepStrictEqual } from 'node:util'
import { networks } from '../config/networks.ts'
import type { AuthBlock } from '../config/schema-extensions.ts'
import type { ListenerSettings, Settings } from '../config/settings.ts'
import { keep } from '../directors/source.ts'
import type { AuthEnd, AuthServer } from '../extensions/index.ts'
import { type Address, asciiAddress, tryAddress } from '../mail/address.ts'
import { WrongSecrets } from '../mtqp/wrong-secrets.ts'
import { networkOf } from '../net/census.ts'
import { type Clock, sleep } from '../observe/clock.ts'
import type { Log } from '../observe/log.ts'
import { Credentials } from '../sasl/credentials.ts'
import { parsePasswords } from '../sasl/password-file.ts'
import { serverMechanisms } from '../sasl/server-mechanisms.ts'
import { Turns } from '../sasl/turns.ts'
import type { Session } from '../smtp/extension.ts'
import { clientsOf } from './clients.ts'
import { blockOf } from './extension-settings.ts'
import { passwordSource } from './password-source.ts'
import type { Faults } from './unfit.ts'

export interface AuthMeans {
  readonly clock: Clock
  readonly log: Log
  readonly uid: number
  /** See `Credentials`. */
  readonly secret: () => Uint8Array
  /** The domain of names without one. */
  readonly home: string
  /** There is a certificate. */
  readonly tls: boolean
}

/** AUTH for a listener. A text: why not. */
export type AuthFor = (listener: Pick<ListenerSettings, 'name' | 'protocol' | 'extensions'>) => AuthServer | string

/** Passwords that are checked at once, and that may wait for it. The machine has other work for its threads. */
const AT_ONCE = 2
const WAITING = 200

/** Milliseconds before a first wrong password is answered; twice as long each time, up to a bound. */
const PAUSE = 1000
const LONGEST_PAUSE = 16_000

/** How long the answer to a wrong password waits, which is the n-th of its network within an hour. */
export const pauseAfter = (n: number): number => Math.min(PAUSE * 2 ** (n - 1), LONGEST_PAUSE)

const LOOPBACK = networks(['127.0.0.0/8', '::1'])

/** Reads the files of passwords that blocks of `auth` name, and makes AUTH by any of these blocks. Adds to the faults. */
export const authentication = async (settings: Settings, means: AuthMeans, faults: Faults): Promise<AuthFor> => {
  const { clock, log } = means
  const files = new Map<string, Credentials>()
  const turns = new Turns(AT_ONCE, WAITING, networkOf)
  const told = new Set<string>()
  const wrong = new WrongSecrets({ clock })
  for (const { at, block } of blocksOf(settings)) {
    // What holds for several listeners is told once.
    if (told.has(at.join())) continue
    told.add(at.join())
    const file = block.passwords
    if (file !== undefined && !files.has(file)) {
      const read = () => keep(passwordSource(file, means), parsePasswords, { clock, log, strict: true })
      const passwords = await faults.of([...at, 'passwords'], read)
      if (passwords) files.set(file, new Credentials({ passwords, secret: means.secret, turns }))
    }
    if (file === undefined && block.required) {
      faults.add([...at, 'required'], 'leaves nobody who could log in; expected a file of passwords beside it')
    }
    const canLogIn =
      means.tls || block['in-clear-on-loopback'] || block.mechanisms.some((one) => one.startsWith('SCRAM'))
    if (file !== undefined && !canLogIn) {
      faults.add([...at, 'mechanisms'], 'show the password, and without a certificate (tls) none of them is offered')
    }
  }
  return ({ name, protocol, extensions }) => {
    const block = blockOf<AuthBlock>(extensions, 'auth')
    const credentials = files.get(block?.passwords ?? '')
    if (block === undefined || credentials === undefined) return 'there are no passwords: extensions.auth.passwords'
    const known = clientsOf(block.trusts, protocol)
    return {
      mechanisms: block.mechanisms.map((mechanism) => serverMechanisms[mechanism](credentials)),
      inClear: ({ peer }) => block['in-clear-on-loopback'] && (peer === '' || LOOPBACK(peer)),
      required: block.required ?? protocol === 'submission',
      failures: block.failures,
      mayTry: ({ peer }) => wrong.mayAsk(peer),
      ended: (end, session) => settle(end, session, name, wrong, means),
      submission: protocol === 'submission',
      mailboxOf: (identity) => mailboxOf(identity, means.home),
      trusts: known,
    }
  }
}

/** What holds for listeners, and where it is written. */
const blocksOf = (settings: Settings): readonly { at: readonly string[]; block: AuthBlock }[] => {
  const general = settings.extensions['auth']
  return settings.listen.flatMap(({ name, protocol, extensions }) => {
    const block = protocol === 'mtqp' ? undefined : blockOf<AuthBlock>(extensions, 'auth')
    const own = isDeepStrictEqual(block, general) ? [] : ['listen', name]
    return block ? [{ at: [...own, 'extensions', 'auth'], block }] : []
  })
}

/** Tells the log, and lets who was wrong wait. */
const settle = async (
  { mechanism, identity, failed }: AuthEnd,
  { peer, channel }: Session,
  listener: string,
  wrong: WrongSecrets,
  { clock, log }: AuthMeans,
): Promise<void> => {
  const about = { listener, peer, mechanism, tls: channel.secured?.protocol }
  if (failed === undefined) return log.event('info', 'authenticated', { ...about, identity })
  const { why, message, claimed } = failed
  log.event(why === 'unavailable' ? 'error' : 'warn', 'not-authenticated', { ...about, name: claimed, why: message })
  // Whoever comes again at once would only be turned away again.
  if (why === 'busy') return sleep(clock, PAUSE)
  if (why !== 'credentials') return
  wrong.wrong(peer)
  await sleep(clock, pauseAfter(wrong.count(peer)))
}

const mailboxOf = (identity: string, home: string): Address | undefined => {
  if (!identity.includes('@')) return asciiAddress({ local: identity, domain: home })
  const found = tryAddress(identity)
  return found && asciiAddress(found)
}
