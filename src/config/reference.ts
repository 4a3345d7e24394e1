import { stringify } from 'yaml'
import * as z from 'zod'
import { check } from './check.ts'
import { type Kind, kindOf } from './kinds.ts'
import type { Machine } from './machine.ts'
import { FIXED } from './restart.ts'
import { type ExtensionSchemas, sections } from './schema.ts'
import { noBlock } from './wording.ts'

/** One setting, as the schema has it. */
export interface SettingRow {
  /** `queue.lifetime`; what a file names itself stands in capitals: `listen.NAME.smtp`. */
  readonly key: string
  readonly does: string
  /** What it is, with its unit and bounds. */
  readonly value: string
  /** What holds when it is not written; `literal`: as it could be written. Absent: it must be written. */
  readonly otherwise?: { readonly text: string; readonly literal: boolean }
  /** What a wrong value is answered with. */
  readonly wrong: string
  readonly change: 'reload' | 'restart'
}

/** All settings, in the order of the schema. Defaults are those on this machine. */
export const settingRows = (machine: Machine, extensions: ExtensionSchemas): readonly SettingRow[] => {
  const schemas = sections(machine, { base: machine.state, home: machine.home }, extensions)
  return Object.entries(schemas).flatMap(([section, schema]) => {
    const change = FIXED.some((one) => one === section) ? 'restart' : 'reload'
    const rows = rowsOf(section, schema, { change })
    return section === 'extensions' ? [...rows, ...extensionRows(extensions)] : rows
  })
}

const extensionRows = (extensions: ExtensionSchemas): readonly SettingRow[] =>
  [...extensions].flatMap(([keyword, schema]) => {
    const [all, ...own] = rowsOf(`extensions.${keyword}`, schema, { change: 'reload', extension: keyword })
    const value = own.length === 0 ? 'off, or {}: it has no settings' : 'off, or a map'
    const text = kindOf(schema).offUnlessNamed ? 'off' : '{}'
    return all ? [{ ...all, value, otherwise: { text, literal: true }, wrong: noBlock('?') }, ...own] : own
  })

interface Above {
  readonly change: SettingRow['change']
  /** What holds for all within when nothing is written, in words. */
  readonly absent?: string
  readonly extension?: string
}

/** A schema without what stands around it, and what was found on the way in, the outermost first. */
interface Found {
  readonly core: z.ZodType
  readonly does: string | undefined
  readonly kind: Kind
  readonly optional: boolean
  /** One may stand alone in place of the list. */
  readonly alone: boolean
  readonly fallback: { readonly value: unknown; readonly read: boolean } | undefined
}

const rowsOf = (key: string, schema: z.ZodType, above: Above): readonly SettingRow[] => {
  const found = lookInto(schema)
  const { core, does, kind, optional, fallback } = found
  const said = does ?? (above.extension && `The extension ${above.extension.toUpperCase()}.`)
  if (said === undefined && !hasWithin(core)) throw new Error(`${key} is not described`)
  const absent = kind.absent ?? (optional ? above.absent : undefined)
  if (optional && absent === undefined) throw new Error(`${key} may be absent, and nothing says what holds then`)
  const otherwise =
    absent !== undefined
      ? { text: absent, literal: false }
      : fallback === undefined
        ? undefined
        : { text: written(fallback, kind), literal: true }
  const absentWithin = kind.within ?? above.absent
  const inner: Above = { change: above.change, ...(absentWithin === undefined ? {} : { absent: absentWithin }) }
  const rows = within(core, kind).flatMap(([word, one]) => rowsOf(`${key}.${word}`, one, inner))
  const row: SettingRow = {
    key,
    does: said ?? '',
    value: wordsOf(found),
    ...(otherwise ? { otherwise: otherwise.text === '{}' && rows.length > 0 ? WITHIN : otherwise } : {}),
    wrong: wrong(schema),
    change: above.change,
  }
  return [...(said === undefined ? [] : [row]), ...rows]
}

const WITHIN = { text: 'as the settings within say', literal: false } as const

const lookInto = (schema: z.ZodType): Found => {
  const { description } = schema.meta() ?? {}
  const kind = kindOf(schema)
  const inner = innerOf(schema)
  if (inner === undefined)
    return { core: schema, does: description, kind, optional: false, alone: false, fallback: undefined }
  const found = lookInto(inner)
  const fallback =
    schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault
      ? { value: schema.def.defaultValue, read: schema instanceof z.ZodDefault }
      : found.fallback
  return {
    core: found.core,
    does: description ?? found.does,
    kind: { ...found.kind, ...kind },
    optional: found.optional || schema instanceof z.ZodOptional,
    alone: found.alone || isReadBefore(schema),
    fallback,
  }
}

const innerOf = (schema: z.ZodType): z.ZodType | undefined => {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional)
    return schema.def.innerType as z.ZodType
  // What is read, and what becomes of it: the side that says what may be written.
  if (schema instanceof z.ZodPipe) return (isReadBefore(schema) ? schema.out : schema.in) as z.ZodType
  return undefined
}

const isReadBefore = (schema: z.ZodType): boolean => schema instanceof z.ZodPipe && schema.in instanceof z.ZodTransform

const within = (core: z.ZodType, { key, is }: Kind): readonly (readonly [string, z.ZodType])[] => {
  if (core instanceof z.ZodObject && is !== 'a map by keyword')
    return Object.entries(core.shape as Record<string, z.ZodType>)
  if (core instanceof z.ZodRecord && hasWithin(lookInto(core.valueType as z.ZodType).core))
    return [[key ?? 'NAME', core.valueType as z.ZodType]]
  if (core instanceof z.ZodUnion) {
    return core.options.flatMap((option) => within(lookInto(option as z.ZodType).core, {}))
  }
  return []
}

const hasWithin = (core: z.ZodType): boolean => core instanceof z.ZodObject || core instanceof z.ZodRecord

const wordsOf = ({ core, kind: { is }, alone }: Found): string => {
  if (is !== undefined) return is
  if (core instanceof z.ZodEnum) return `one of ${core.options.join(', ')}`
  if (core instanceof z.ZodBoolean) return 'true or false'
  if (core instanceof z.ZodArray) {
    const one = wordsOf(lookInto(core.element as z.ZodType))
    return alone ? `a list, or one alone: ${one}` : `a list, each ${one}`
  }
  if (core instanceof z.ZodUnion) return core.options.map((option) => wordsOf(lookInto(option as z.ZodType)))[0] ?? ''
  return hasWithin(core) ? 'a map' : 'a text'
}

/** A default as a file would have it. */
const written = ({ value, read }: NonNullable<Found['fallback']>, { written: back }: Kind): string => {
  const plain = read && back ? back(value) : value
  return stringify(plain, { collectionStyle: 'flow', lineWidth: 0, flowCollectionPadding: false }).trimEnd()
}

/** The answer to the first of some values that is none. */
const wrong = (schema: z.ZodType): string => {
  for (const value of ['?', '', '??', 0, []]) {
    const checked = check(schema, value)
    if ('issues' in checked) return checked.issues[0]?.message ?? ''
  }
  throw new Error('No wrong value was found')
}
