/** How many generated inputs a fuzz test tries: `FUZZ=1000000 npm test -- test/fuzz/*.test.ts` for the long run. */
export const runs = (ordinary: number): number => Number(process.env['FUZZ'] ?? ordinary)

/** A small generator of pseudo-random numbers below `below`; the same seed gives the same numbers (mulberry32). */
export const randomFrom = (seed: number): ((below: number) => number) => {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * below)
  }
}
