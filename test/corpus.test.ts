import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { convert, factsOf, faultFor7bit } from './corpus/conversion.ts'
import { made } from './corpus/made.ts'
import { golden, goldenPath, message, names, pathOf, TARGETS, type Target } from './corpus/messages.ts'
import { differences, MISREAD, readOutside } from './corpus/outside.ts'
import { lacking } from './peers/installed.ts'

const targets = Object.keys(TARGETS) as readonly Target[]

for (const target of targets) {
  describe(`corpus to ${target}`, () => {
    for (const name of names) {
      test(name, async () => {
        const expected = golden(name, target)
        const rules = TARGETS[target]
        for (const size of [13, 65_536]) {
          const result = await convert(message(name), rules, size)
          if (typeof result === 'string' || typeof expected === 'string') {
            assert.equal(typeof result === 'string' ? result : 'converted', expected)
            continue
          }
          assert.equal(result.octets.toString('latin1'), expected.toString('latin1'))
          assert.deepEqual(result.plan.facts, factsOf(expected))
          assert.equal(result.plan.changes, !expected.equals(message(name)))
        }
        if (typeof expected === 'string') return
        if (rules.encoding === '7bit') assert.equal(faultFor7bit(expected), undefined)
        const again = await convert(expected, rules, 65_536)
        assert.ok(typeof again === 'object' && !again.plan.changes, 'what was converted needs nothing more')
      })
    }
  })
}

test('signatures that a conversion breaks are told by their domains', async () => {
  const broken = async (name: string) => {
    const result = await convert(message(name), TARGETS['7bit'], 65_536)
    return typeof result === 'string' ? result : result.plan.broken
  }
  assert.deepEqual(await broken('dkim-signed-8bit'), ['shop.example', 'bulk.example'])
  assert.deepEqual(await broken('dkim-arc-sealed-8bit'), ['shop.example'])
  assert.deepEqual(await broken('dkim-signed-subject-latin1'), ['shop.example'])
  assert.deepEqual(await broken('dkim-signed-7bit'), [])
})

test('large messages are converted too', async () => {
  for (const [name, octets] of made()) {
    const result = await convert(octets, TARGETS['7bit'], 65_536)
    assert.ok(typeof result === 'object', name)
    assert.equal(faultFor7bit(result.octets), undefined, name)
    assert.deepEqual(result.plan.facts, factsOf(result.octets), name)
  }
})

test('Python reads the same in original and result', { skip: lacking(['python3']) }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'corpus-'))
  try {
    const pairs: { name: string; before: string; after: string }[] = []
    for (const name of names) {
      for (const after of new Set(targets.map((target) => goldenPath(name, target)))) {
        if (after?.endsWith('.eml') && after !== pathOf(name)) pairs.push({ name, before: pathOf(name), after })
      }
    }
    for (const [name, octets] of made()) {
      const result = await convert(octets, TARGETS['7bit'], 65_536)
      assert.ok(typeof result === 'object', name)
      const [before, after] = [join(folder, `${name}.eml`), join(folder, `${name}.7bit.eml`)]
      writeFileSync(before, octets)
      writeFileSync(after, result.octets)
      pairs.push({ name, before, after })
    }
    const read = await readOutside(pairs.flatMap(({ before, after }) => [before, after]))
    const faults = pairs.flatMap(({ name, before, after }, index) =>
      differences(read[2 * index] ?? [], read[2 * index + 1] ?? []).map((what) => ({ name, before, after, what })),
    )
    assert.deepEqual(
      faults.filter(({ name }) => !MISREAD.has(name)),
      [],
    )
    const misread = new Set(faults.map(({ name }) => name))
    assert.deepEqual(
      [...MISREAD.keys()].filter((name) => !misread.has(name)),
      [],
      'now read well',
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
})
