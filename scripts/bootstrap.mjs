// What the scripts of package.json run first, on whatever Node npm was started with: installs what is missing, then goes
// on with the Node that the lockfile pins. Plain JavaScript without imports of ours, for an old Node must read it.
import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const node = join(root, 'node_modules/node/bin/node')
const marker = join(root, 'node_modules/.package-lock.json')

const run = (command, args) => {
  const { status, signal, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' })
  if (error) throw error
  if (signal) process.kill(process.pid, signal)
  return status ?? 1
}

const stale = () =>
  !existsSync(node) ||
  !existsSync(marker) ||
  statSync(marker).mtimeMs < statSync(join(root, 'package-lock.json')).mtimeMs

if (stale()) {
  console.log('smail: installing what package-lock.json names (npm ci)')
  const failed = run(process.platform === 'win32' ? 'npm.cmd' : 'npm', ['ci', '--no-audit', '--no-fund'])
  if (failed || !existsSync(node)) {
    console.error('smail: npm ci did not finish; mend what it says above and try again')
    process.exit(failed || 1)
  }
}

const [task, ...rest] = process.argv.slice(2)
const tasks = {
  start: [join(root, 'bin/smail'), 'run', '--config', join(root, 'examples/quickstart/smail.yaml'), ...rest],
  test: [join(root, 'scripts/test.mjs'), ...rest],
  build: [join(root, 'scripts/build.mjs'), ...rest],
  bench: [join(root, 'bench/run.ts'), ...rest],
}
if (!(task in tasks)) {
  console.error(`smail: no task '${task ?? ''}'; there are ${Object.keys(tasks).join(', ')}`)
  process.exit(64)
}

// Git keeps no such mode, and the first thing told would be a warning. Where it cannot be set, the warning is right.
if (task === 'start') {
  try {
    chmodSync(join(root, 'examples/quickstart/passwords'), 0o600)
  } catch (error) {
    if (error.code !== 'EPERM' && error.code !== 'EROFS') throw error
  }
}

// Whoever stops npm means the program: it has mail under way, and its own way to end.
const program = spawn(node, tasks[task], { cwd: root, stdio: 'inherit' })
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => program.kill(signal))
program.on('error', (error) => {
  console.error(`smail: ${node}: ${error.message}`)
  process.exit(71)
})
program.on('exit', (status, signal) => {
  if (signal === null) process.exit(status)
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
})
