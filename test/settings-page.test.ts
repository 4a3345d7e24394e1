import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

test('docs/settings.md is what the schema says', () => {
  const made = execFileSync(process.execPath, ['scripts/settings-page.mjs'], { encoding: 'utf8' })
  const said = 'it is not: run node_modules/.bin/node scripts/settings-page.mjs --write, and look at what has changed'
  assert.ok(readFileSync('docs/settings.md', 'utf8') === made, said)
})
