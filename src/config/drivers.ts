import * as z from 'zod'
import type { Hints } from './check.ts'
import { kind } from './kinds.ts'
import { NAME } from './leaves.ts'

type Drivers = Readonly<Record<string, z.ZodType>>

/** `driver` and the driver's own settings in one. */
export type Driven<D extends Drivers> = { [K in keyof D & string]: { readonly driver: K } & z.output<D[K]> }[keyof D &
  string]

/** `{driver: settings}`: exactly one of these words, and what its own schema makes of the settings. */
export const driven = <D extends Drivers>(drivers: D): z.ZodType<Driven<D>> => {
  const words = Object.keys(drivers)
  const absent = `exactly one of ${words.join(', ')} must be there`
  const shape = Object.fromEntries(
    words.map((word) => [word, kind((drivers[word] as z.ZodType).optional(), { absent })]),
  )
  const one = kind(z.strictObject(shape), { is: `one of ${words.join(', ')}, with its settings` })
  return one.transform((given, context) => {
    const [driver, ...more] = Object.keys(given)
    if (driver === undefined || more.length > 0) {
      const wrong = driver === undefined ? 'names no driver' : `has ${1 + more.length} drivers`
      const params: Hints = { stands: driver !== undefined }
      context.addIssue({ code: 'custom', message: `${wrong}; expected one of ${words.join(', ')}`, params })
      return z.NEVER
    }
    return { driver, ...(given[driver] as object) }
  }) as unknown as z.ZodType<Driven<D>>
}

/** `{name: settings, …}` as a list in the order of the file. */
export const named = <T>(of: z.ZodType<T>): z.ZodType<readonly ({ readonly name: string } & T)[]> =>
  kind(z.record(z.string().regex(NAME), of), { key: 'NAME', is: 'a map by names of your choice' }).transform((given) =>
    Object.entries(given).map(([name, settings]) => ({ name, ...settings })),
  )
