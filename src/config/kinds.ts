import type * as z from 'zod'

/** What the reference of settings says of a value, beyond what its schema shows. */
export interface Kind {
  /** What the value is, in words. */
  readonly is?: string
  /** How a value that was read is written in a file. Absent: as it is. */
  readonly written?: (value: unknown) => unknown
  /** What holds when nothing is written, in words: where the default is no constant, or there is none. */
  readonly absent?: string
  /** What the keys of a map stand for, in capitals. */
  readonly key?: string
  /** The same for all within. */
  readonly within?: string
  /** A path, made absolute once the block it stands in has been read. */
  readonly path?: true
  /** Of an extension: it is off unless its block is written, be it empty. */
  readonly offUnlessNamed?: true
}

/** The same schema, with what the reference says of it. */
export const kind = <S extends z.ZodType>(schema: S, about: Kind): S =>
  schema.meta({ ...schema.meta(), smail: { ...kindOf(schema), ...about } })

export const kindOf = (schema: z.ZodType): Kind => (schema.meta()?.['smail'] ?? {}) as Kind
