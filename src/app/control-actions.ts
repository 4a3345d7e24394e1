import type { Loaded } from '../config/load.ts'
import { type Address, BadAddress } from '../mail/address.ts'
import type { Clock } from '../observe/clock.ts'
import type { Spool } from '../spool/spool.ts'
import { faultsOfParts } from './check.ts'
import { messageRow, queueRow } from './control-rows.ts'
import { type ControlActions, Faulty } from './control-session.ts'
import type { LoadedWith } from './load-all.ts'
import type { Mta, Reloaded, Submission } from './mta.ts'
import { Unavailable, Unfit } from './unfit.ts'

/** What only the program around an MTA can do. */
export interface Program {
  readonly clock: Clock
  /** Settings read anew, or what is wrong with them. */
  load(): Promise<Loaded & Partial<Pick<LoadedWith, 'modules'>>>
  /** Begins to end the program. */
  end(now: boolean): void
}

/** Has an MTA go on with settings that are read anew. Throws `Faulty` when they are no good, and the old ones stay in force. */
export const reloadFrom = async (mta: Mta, load: Program['load']): Promise<Reloaded> => {
  const loaded = await load()
  if ('faults' in loaded) throw new Faulty(WRONG, loaded.faults)
  try {
    return await mta.reload(loaded.settings)
  } catch (error) {
    if (error instanceof Unfit) {
      const all = [...error.issues, ...(await faultsOfParts(loaded.settings, loaded.modules))]
      throw new Faulty(WRONG, loaded.placed(all))
    }
    if (error instanceof Unavailable) throw new Faulty(UNAVAILABLE, loaded.placed([error.issue]), 'fault')
    throw error
  }
}

const WRONG = 'the settings are wrong, the old ones stay in force'
const UNAVAILABLE = 'the settings ask what cannot be had now, the old ones stay in force'

/** The requests of a control socket as calls of an MTA. */
export const controlActions = (mta: Mta, program: Program): ControlActions => ({
  status: () => mta.status(),
  extensions: () => mta.extensions(),
  async explain(address) {
    try {
      return await mta.explain(address)
    } catch (error) {
      if (error instanceof BadAddress) throw new Faulty(`${address}: ${error.message}`)
      throw error
    }
  },
  reload: () => reloadFrom(mta, program.load),
  drain: () => mta.drain(),
  async stop(now) {
    program.end(now)
  },
  list: (match) => rows(mta.spool, match, program.clock),
  async show(id) {
    const found = await mta.spool.show(id)
    return found && messageRow(found, program.clock.now())
  },
  body: (id) => mta.spool.read(id),
  async trace(id) {
    const events = await mta.spool.trace(id)
    if (events.length === 0) return undefined
    return events.map(({ at, text }) => ({ at: new Date(at).toISOString(), text }))
  },
  async operate(operation, match, why) {
    const more = why === undefined ? {} : { why }
    const met = await mta.spool.operate({ do: operation, match, now: program.clock.now(), ...more })
    // Whoever asks for a try now means it, also of a destination that rests.
    if (operation === 'retry' && met > 0) mta.kick()
    return met
  },
  submit: (mail, body) => mta.submit(qualified(mail, mta.domain), body),
  attend: (channel) => mta.attend(channel),
})

const PAGE = 200

async function* rows(spool: Spool, match: Parameters<Spool['list']>[0]['match'], clock: Clock): AsyncIterable<unknown> {
  for (let after: string | undefined; ; ) {
    const page = await spool.list({
      most: PAGE,
      ...(match ? { match } : {}),
      ...(after === undefined ? {} : { after }),
    })
    for (const listed of page) yield queueRow(listed, clock.now())
    after = page.at(-1)?.id
    if (page.length < PAGE) return
  }
}

/** An envelope whose addresses all have a domain. */
export const qualified = (mail: Submission, domain: string): Submission => {
  const full = (address: Address): Address => (address.domain === '' ? { ...address, domain } : address)
  return {
    ...mail,
    sender: mail.sender && full(mail.sender),
    recipients: mail.recipients.map((recipient) => ({ ...recipient, address: full(recipient.address) })),
  }
}
