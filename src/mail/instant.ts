/** A point in time: milliseconds since 1970-01-01T00:00:00Z, as `Date.now()` counts them. */
export type Instant = number
