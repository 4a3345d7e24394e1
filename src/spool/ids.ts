import type { Clock } from '../observe/clock.ts'
import type { MessageId } from './spool.ts'

// Crockford's alphabet: in ASCII order, and nothing that is read for something else.
const DIGITS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const PER_MILLISECOND = 32 ** 4

const written = (value: number, width: number): string => {
  let text = ''
  for (let rest = value, i = 0; i < width; i++, rest = Math.floor(rest / 32)) text = DIGITS[rest % 32] + text
  return text
}

/**
 * Ids of 15 letters and digits that ascend: milliseconds, the writer's `tag` (below 1024; no two writers of a spool at one
 * time have the same), and a count within the millisecond.
 */
export const messageIds = (clock: Clock, tag: number): (() => MessageId) => {
  const writer = written(tag % 1024, 2)
  let at = 0
  let count = 0
  return () => {
    const now = clock.now()
    if (now > at) [at, count] = [now, 0]
    else if (++count === PER_MILLISECOND) [at, count] = [at + 1, 0]
    return written(at, 9) + writer + written(count, 4)
  }
}

/** No id that was made at this time or later sorts before this text. */
export const idsFrom = (at: number): string => written(Math.max(0, at), 9)
