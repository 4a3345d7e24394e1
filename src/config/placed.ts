import * as z from 'zod'
import { kindOf } from './kinds.ts'
import { type Places, place } from './place.ts'

/** A block of an extension as its schema made it, with the paths in it made absolute. */
export const placed = (schema: z.ZodType, block: unknown, places: Places): unknown => {
  if (!(schema instanceof z.ZodObject) || typeof block !== 'object' || block === null) return block
  const paths = Object.entries(block).flatMap(([key, value]) => {
    const field = schema.shape[key]
    return typeof value === 'string' && field && kindOf(innermost(field)).path ? [[key, place(value, places)]] : []
  })
  return { ...block, ...Object.fromEntries(paths) }
}

const innermost = (schema: z.ZodType): z.ZodType =>
  schema instanceof z.ZodOptional ? innermost(schema.def.innerType as z.ZodType) : schema
