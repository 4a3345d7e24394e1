/** A point in time: milliseconds since 1970-01-01T00:00:00Z, as `Date.now()` counts them. */
export type Instant = number

const DATE = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d))?$/

/** A day, as 2026-11-25, which begins in UTC, or a time, as 2026-11-25T08:00:00Z. Throws an Error. */
export const readDate = (text: string): Instant => {
  const at = DATE.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(at)) throw new Error(`${JSON.stringify(text)} is no date, as 2026-11-25 or 2026-11-25T08:00:00Z`)
  return at
}
