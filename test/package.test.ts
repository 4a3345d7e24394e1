import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** The package as npm would unpack it: what `files` names, built, below a program's node_modules. */
const install = (): string => {
  const home = mkdtempSync(join(realpathSync(tmpdir()), 'smail-package-'))
  const root = join(home, 'node_modules/smail')
  mkdirSync(root, { recursive: true })
  const { files, dependencies } = JSON.parse(readFileSync('package.json', 'utf8'))
  const built = spawnSync(process.execPath, ['scripts/build.mjs', join(root, 'dist')], { encoding: 'utf8' })
  assert.equal(built.status, 0, built.stdout)
  for (const name of ['package.json', ...files].filter((one: string) => one !== 'dist')) {
    cpSync(name, join(root, name), { recursive: true })
  }
  for (const name of [...Object.keys(dependencies), '@leichtgewicht']) {
    const place = join(home, 'node_modules', name)
    mkdirSync(dirname(place), { recursive: true })
    symlinkSync(resolve('node_modules', name), place)
  }
  return home
}

test('installed as a package it is plain JavaScript: programs import it, the command runs, types are there', async (t) => {
  const home = install()
  t.after(() => rmSync(home, { recursive: true }))
  writeFileSync(
    join(home, 'program.mjs'),
    `import { createServer, connect, createMta, extensions } from 'smail'
     const server = createServer({ name: 'x.example', extensions: [extensions.pipelining()], sink: { open() { throw new Error('no') } } })
     const { address } = await server.listen({ host: '127.0.0.1', port: 0 })
     const client = await connect({ host: '127.0.0.1', port: address.port }, { name: 'y.example' })
     console.log(client.hop.offers.has('PIPELINING'), typeof createMta)
     await client.quit()
     await server.close()`,
  )
  const program = await run(process.execPath, ['program.mjs'], { cwd: home })
  assert.equal(program.stdout, 'true function\n')
  assert.equal(program.stderr, '')
  const command = await run(process.execPath, [join(home, 'node_modules/smail/bin/smail'), '--help'], { cwd: home })
  assert.match(command.stdout, /run the server/)
  assert.match(readFileSync(join(home, 'node_modules/smail/dist/index.d.ts'), 'utf8'), /createServer/)
})
