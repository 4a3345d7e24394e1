import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ConversionRules } from '../src/mime/convert/rules.ts'
import { differences, readOutside } from './corpus/outside.ts'
import { convert } from './doubles/conversion-checks.ts'
import { mimeTrees } from './doubles/mime-trees.ts'
import { runs } from './fuzz/runs.ts'
import { lacking } from './peers/installed.ts'

const RULES: readonly ConversionRules[] = [
  { encoding: '7bit', maxLine: 998, header: 'ascii', signed: 'bounce', utf8Headers: 'encode' },
  { encoding: '8bit', maxLine: 998, header: 'raw', signed: 'bounce', utf8Headers: 'encode' },
]

/** Written one after the other: all are read at once, for to start Python takes longer than to read. */
const files = async (directory: string, octets: readonly Uint8Array[], how: string): Promise<string[]> => {
  const paths = octets.map((_, index) => join(directory, `${index}.${how}`))
  await Promise.all(paths.map((path, index) => writeFile(path, octets[index] ?? '')))
  return paths
}

test("Python's email package finds in converted messages what it found before", {
  skip: lacking(['python3']),
}, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'smail-python-'))
  try {
    const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31)
    const messages = fc.sample(mimeTrees.clear, { numRuns: runs(200), seed }).map((text) => Buffer.from(text, 'latin1'))
    const before = await readOutside(await files(directory, messages, 'before'))
    for (const rules of RULES) {
      const results = await Promise.all(messages.map((message) => convert(message, rules)))
      const octets = results.map((result) => ('octets' in result ? result.octets : Buffer.alloc(0)))
      const after = await readOutside(await files(directory, octets, rules.encoding))
      for (const [index, parts] of before.entries()) {
        const found = differences(parts, after[index] ?? [])
        assert.deepEqual(
          found,
          [],
          `FUZZ_SEED=${seed}: ${found.join('; ')} in message ${index}: ${JSON.stringify(messages[index]?.toString('latin1'))}`,
        )
      }
    }
  } finally {
    await rm(directory, { recursive: true })
  }
})
