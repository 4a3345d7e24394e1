import type { Path } from './check.ts'

/** What stands at a place in settings as they were written. Undefined: nothing does. */
export const valueAt = (value: unknown, path: Path): unknown =>
  path.reduce((at, key) => (at as Readonly<Record<string | number, unknown>> | null | undefined)?.[key], value)
