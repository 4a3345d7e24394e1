import type { CheckpointSides } from '../../src/extensions/checkpoint.ts'
import type { MemoryPartials } from '../../src/spool/memory-partials.ts'
import { PER_OPENING } from '../../src/spool/partials.ts'

const NOW = 1_767_225_600_000

/** Both sides of CHECKPOINT for dialogues: three small messages of a client may be kept. */
export const checkpointSides = (kept: MemoryPartials, from = 0): CheckpointSides => ({
  server: {
    partials: kept,
    limits: { keep: 3_600_000, every: 10, mostPartials: 2, most: 3 * PER_OPENING, mostOfAll: 10 * PER_OPENING },
    now: () => NOW,
  },
  client: { from, domain: 'me.test', secret: () => new Uint8Array(32) },
})
