import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as z from 'zod'
import { extensionSchemas } from '../app/extensions.ts'
import { check } from './check.ts'
import { sections } from './schema.ts'

const machine = { hostname: 'a.test', uid: 1, user: 'jo', home: '/h', state: '/s', runtime: '/r' }

interface Found {
  readonly path: string
  readonly list: z.ZodArray
  /** What stands around it and has no other path. */
  readonly around: readonly z.ZodType[]
}

/** All lists in a schema, however deep. */
const lists = (schema: z.ZodType, path: string, around: readonly z.ZodType[] = []): Found[] => {
  const all = [...around, schema]
  if (schema instanceof z.ZodArray)
    return [{ path, list: schema, around: all }, ...lists(schema.element as z.ZodType, `${path}.0`)]
  if (schema instanceof z.ZodObject)
    return Object.entries(schema.shape).flatMap(([key, one]) => lists(one as z.ZodType, `${path}.${key}`))
  if (schema instanceof z.ZodRecord) return lists(schema.valueType as z.ZodType, `${path}.*`)
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((one) => lists(one as z.ZodType, path, all))
  if (schema instanceof z.ZodPipe)
    return [...lists(schema.in as z.ZodType, path, all), ...lists(schema.out as z.ZodType, path, all)]
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault)
    return lists(schema.def.innerType as z.ZodType, path, all)
  return []
}

const SAMPLES = ['a.test', '127.0.0.1', '127.0.0.1:2525', 'jo', 'com.example:ADV', '/a/path', 'PLAIN']

test('every list takes one value alone', () => {
  const all = [
    ...Object.entries(sections(machine, { base: '/', home: '/' }, extensionSchemas)),
    ...[...extensionSchemas].map(([keyword, schema]) => [`extensions.${keyword}`, schema] as const),
  ].flatMap(([key, schema]) => lists(schema, key))
  assert.ok(all.length > 20, all.map(({ path }) => path).join(' '))
  for (const { path, list, around } of all) {
    const one = SAMPLES.find((sample) => 'value' in check(list.element as z.ZodType, sample))
    assert.ok(one !== undefined, `${path}: no sample`)
    const outer = around[0]
    assert.ok(outer && 'value' in check(outer, one), `${path} does not take ${one} alone`)
    assert.deepEqual(check(outer, one), check(outer, [one]), path)
  }
})
