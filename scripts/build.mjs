// `npm run build`: plain JavaScript and declarations into dist/, for publishing. A checkout needs none of it.
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'

const out = process.argv[2] ?? 'dist'
rmSync(out, { recursive: true, force: true })
const { status } = spawnSync('node_modules/.bin/tsc', ['-p', 'tsconfig.build.json', '--outDir', out], {
  stdio: 'inherit',
})
process.exit(status ?? 1)
