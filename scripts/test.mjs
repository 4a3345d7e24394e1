// `npm test`: the checks, then every test, on the pinned Node. Arguments are test files to run instead of all.
import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'

const bin = (name) => join('node_modules/.bin', name)
const chosen = process.argv.slice(2)

const steps = [
  ['types', bin('tsc'), ['-p', '.']],
  ['format and lint', bin('biome'), ['check', '--error-on-warnings', '.']],
  ['dead code', bin('knip'), ['--no-progress']],
]
for (const [what, command, args] of chosen.length > 0 ? [] : steps) {
  const { status } = spawnSync(command, args, { stdio: 'inherit' })
  if (status !== 0) {
    console.error(`npm test: ${what}: see above`)
    process.exit(1)
  }
}

const files = chosen.length > 0 ? chosen : globSync(['src/**/*.test.ts', 'test/**/*.test.ts']).sort()
const { status } = spawnSync(
  process.execPath,
  ['--disable-warning=ExperimentalWarning', '--test', `--test-concurrency=${availableParallelism()}`, ...files],
  // Every child and thread of the tests would strip the types of the same files anew.
  { stdio: 'inherit', env: { NODE_COMPILE_CACHE: resolve('node_modules/.cache/compile'), ...process.env } },
)
process.exit(status ?? 1)
