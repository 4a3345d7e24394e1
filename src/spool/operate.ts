import { type Diagnosis, ours } from '../mail/diagnosis.ts'
import { reply } from '../mail/reply.ts'
import type { Fate, Operation } from './spool.ts'

/** The last word on a recipient whose mail an operator returns. */
export const returned = ({ why, now }: Operation): Diagnosis =>
  ours(reply(554, '5.0.0', why ?? 'Returned by the postmaster'), now, 'operator')

/** The last word on a recipient whose mail an operator takes away. */
export const deleted = ({ why, now }: Operation): Diagnosis =>
  ours(reply(554, '5.0.0', why ?? 'Deleted by the postmaster'), now, 'operator')

/** What a parked recipient is told to have been parked for. */
export const parkedFor = ({ why }: Operation): string => why ?? 'Parked by the postmaster'

/**
 * Whether it may release mail before its schedule's time: that takes a word for each message, and is for the whole of it. Where
 * an operator holds some of it too, that ends first: who undoes a hold does not mean more.
 */
export const releasesEarly = ({ do: what, match }: Operation): boolean =>
  what === 'release' && match.id !== undefined && match.recipient === undefined && match.domain === undefined

/**
 * What an operation makes of a fate; undefined when it is none of its business. `ahead`: the schedule keeps the message for
 * later; `early`: it is released all the same.
 */
export const operated = (
  fate: Fate,
  operation: Operation,
  { ahead, early }: { readonly ahead: boolean; readonly early: boolean },
): Fate | 'gone' | undefined => {
  if (fate.is === 'delivered' || fate.is === 'failed' || fate.is === 'expanded') return undefined
  const { now } = operation
  switch (operation.do) {
    case 'retry':
      return fate.is === 'waiting' && !ahead ? { ...fate, due: now } : undefined
    case 'hold':
      return fate.is === 'waiting' ? { ...fate, is: 'held' } : undefined
    case 'release':
      if (early && fate.is === 'waiting') return { ...fate, due: now }
      return fate.is === 'held' ? { ...fate, is: 'waiting' } : undefined
    case 'park':
      return fate.is === 'parked' ? undefined : { is: 'parked', why: parkedFor(operation), at: now }
    case 'unpark':
      return fate.is === 'parked' ? { is: 'waiting', due: now } : undefined
    case 'bounce':
      return { is: 'waiting', due: now, last: returned(operation) }
    case 'delete':
      return 'gone'
  }
}

/** The line it leaves in the history of a message. */
export const operationLine = (operation: Operation, recipients: number): string =>
  `${operation.do}: ${recipients} ${recipients === 1 ? 'recipient' : 'recipients'}${operation.why === undefined ? '' : ` (${operation.why})`}`
