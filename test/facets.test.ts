import assert from 'node:assert/strict'
import { globSync } from 'node:fs'
import { basename } from 'node:path'
import { test } from 'node:test'
import type { Extension } from '../src/smtp/extension.ts'
import { playRelay, playServer } from './doubles/dialogues.ts'
import { facetChecks } from './doubles/facet-checks.ts'
import { real } from './doubles/real-extensions.ts'
import { toys } from './doubles/toy-extensions.ts'

interface Facet {
  readonly name: string
  without(extension: Extension): Extension
}

const omit = <T extends object>(from: T, key: string): T => {
  const { [key as keyof T]: _gone, ...rest } = from
  return rest as T
}

/** Every member of every facet, and every parameter, as something that can be taken away. */
const facetsOf = (extension: Extension): Facet[] => {
  const facets: Facet[] = []
  for (const side of ['server', 'client', 'queue', 'report'] as const) {
    for (const member of Object.keys(extension[side] ?? {})) {
      facets.push({
        name: `${side}.${member}`,
        without: (one) => ({ ...one, [side]: omit(one[side] ?? {}, member) }) as Extension,
      })
    }
  }
  for (const [verb, params] of Object.entries(extension.params ?? {})) {
    for (const { name } of params) {
      const left = (one: Extension) => (one.params?.[verb] ?? []).filter((param) => param.name !== name)
      facets.push({
        name: `params.${verb}.${name}`,
        without: (one) => ({ ...one, params: { ...one.params, [verb]: left(one) } }),
      })
    }
  }
  for (const member of ['requires', 'silent'] as const) {
    if (extension[member]) facets.push({ name: member, without: (one) => omit(one, member) })
  }
  // An extension whose server facet is empty is on offer by having one: its keyword is the facet.
  facets.push({ name: 'the extension itself', without: (one) => ({ keyword: `X-NOT-${one.keyword}`, rfc: [] }) })
  return facets
}

const fails = async (attempts: readonly (() => Promise<void> | void)[]): Promise<boolean> => {
  for (const attempt of attempts) {
    try {
      await attempt()
    } catch {
      return true
    }
  }
  return false
}

const suiteOf = (extension: Extension, folder: string, change: (one: Extension) => Extension) => {
  const transform = (one: Extension) => (one.keyword === extension.keyword ? change(one) : one)
  const check = facetChecks[extension.keyword]
  return [
    ...globSync(`test/transcripts/${folder}/*.smtp`).map((file) => () => playServer(file, transform)),
    ...globSync(`test/relay/${folder}/*.hop`).map((file) => () => playRelay(file, transform)),
    ...(check ? [() => check(transform(extension))] : []),
  ]
}

const eachFacetMatters = (extension: Extension, folder: string): void => {
  test(`${extension.keyword}: its suite passes, and fails without any one of its facets`, async () => {
    assert.equal(await fails(suiteOf(extension, folder, (one) => one)), false, 'as it is')
    for (const facet of facetsOf(extension)) {
      assert.ok(await fails(suiteOf(extension, folder, facet.without)), `nothing fails without ${facet.name}`)
    }
  })
}

for (const extension of real) eachFacetMatters(extension, extension.keyword.toLowerCase())
for (const make of Object.values(toys)) eachFacetMatters(make(), 'toys')

test('every extension is in the list, has its file, and dialogues of both sides', () => {
  const files = globSync('src/extensions/*.ts')
    .map((file) => basename(file, '.ts'))
    .filter((name) => name !== 'index')
  assert.deepEqual(files.sort(), real.map(({ keyword }) => keyword.toLowerCase()).sort())
  for (const { keyword, client } of real) {
    const folder = keyword.toLowerCase()
    assert.ok(globSync(`test/transcripts/${folder}/*.smtp`).length > 0, `${keyword} has no transcript`)
    if (client) assert.ok(globSync(`test/relay/${folder}/*.hop`).length > 0, `${keyword} has no relay dialogue`)
  }
})
