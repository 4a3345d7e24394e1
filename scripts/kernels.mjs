// `node scripts/kernels.mjs`: compiles src/mime/kernels/kernels.c into compiled.ts, for whoever changed it. It takes
// clang and lld (Debian: apt-get install clang lld); nobody else needs them, for what they make is kept.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const folder = join(dirname(fileURLToPath(import.meta.url)), '../src/mime/kernels')
const source = join(folder, 'kernels.c')
const scratch = mkdtempSync(join(tmpdir(), 'smail-kernels-'))
const out = join(scratch, 'kernels.wasm')

const { status, error } = spawnSync(
  'clang',
  [
    '--target=wasm32',
    '-O3',
    '-msimd128',
    '-nostdlib',
    '-ffreestanding',
    '-Wall',
    '-Wextra',
    '-Werror',
    '-Wl,--no-entry',
    '-Wl,--strip-all',
    '-Wl,-z,stack-size=16384',
    '-o',
    out,
    source,
  ],
  { stdio: 'inherit' },
)
if (error) console.error(`clang cannot be run: ${error.message}`)
if (status === 0) {
  const hash = createHash('sha256').update(readFileSync(source)).digest('hex')
  writeFileSync(
    join(folder, 'compiled.ts'),
    `// Made by scripts/kernels.mjs.

/** SHA-256 of the kernels.c this was made of. */
export const SOURCE_HASH = '${hash}'

/** WebAssembly, in base64. */
export const COMPILED =
  '${readFileSync(out).toString('base64')}'
`,
  )
}
rmSync(scratch, { recursive: true })
process.exit(status ?? 1)
