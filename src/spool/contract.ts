import { describe, test } from 'node:test'
import type { Clock } from '../observe/clock.ts'
import { claiming } from './contract-claims.ts'
import { drafts } from './contract-drafts.ts'
import { HandClock } from './contract-fixtures.ts'
import { forking } from './contract-forks.ts'
import { operating } from './contract-operate.ts'
import { partials } from './contract-partials.ts'
import { reading } from './contract-reads.ts'
import { settling } from './contract-settle.ts'
import { trails } from './contract-trails.ts'
import type { Spool } from './spool.ts'

/** A new, empty spool on this clock, and how to be rid of it. Bodies above 64 KiB may be large to it. */
export type MakeSpool = (clock: Clock) => Promise<{ readonly spool: Spool; end(): Promise<void> }>

/** One promise of `Spool`, and what shows whether it is kept. */
export type Promised = Readonly<Record<string, (spool: Spool, clock: HandClock) => Promise<void>>>

/** Every promise of `Spool`, as tests of one engine. */
export const spoolContract = (name: string, makeSpool: MakeSpool): void => {
  for (const [part, promises] of Object.entries({
    drafts,
    claiming,
    settling,
    forking,
    operating,
    reading,
    partials,
    trails,
  })) {
    describe(`${name}: ${part}`, { concurrency: 4 }, () => {
      for (const [promise, holds] of Object.entries(promises)) {
        test(promise, async () => {
          const clock = new HandClock()
          const { spool, end } = await makeSpool(clock)
          try {
            await holds(spool, clock)
          } finally {
            await spool.close()
            await end()
          }
        })
      }
    })
  }
}
