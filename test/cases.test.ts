import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { describe, test } from 'node:test'
import { parse } from 'yaml'
import { real } from './doubles/real-extensions.ts'

/** What an extension must stand, by case: the files that show it, with words that stand in each. */
type Cases = Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>

const casesOf = (file: string): Cases => {
  try {
    return parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new Error(`${file} is no YAML`, { cause: error })
  }
}

describe('each case that an extension must stand is shown where test/cases says', () => {
  for (const file of globSync('test/cases/*.yaml').sort()) {
    for (const [name, shown] of Object.entries(casesOf(file))) {
      test(`${basename(file, '.yaml')}: ${name}`, () => {
        assert.ok(Object.keys(shown).length > 0, 'nothing shows it')
        for (const [by, words] of Object.entries(shown)) {
          const text = readFileSync(by, 'utf8')
          for (const one of [words].flat()) assert.ok(text.includes(one), `${by} has no ${JSON.stringify(one)}`)
        }
      })
    }
  }
})

test('every extension has its cases', () => {
  const files = new Set(globSync('test/cases/*.yaml').map((file) => basename(file, '.yaml')))
  const missing = real.map(({ keyword }) => keyword.toLowerCase()).filter((name) => !files.has(name))
  assert.deepEqual(missing, [])
})
