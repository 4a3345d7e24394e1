import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { test } from 'node:test'

/** A folder imports from lower ranks only (CONTRIBUTING.md). */
const RANKS: Readonly<Record<string, number>> = {
  mail: 0,
  observe: 0,
  net: 1,
  mime: 1,
  sasl: 1,
  smtp: 2,
  extensions: 3,
  policy: 3,
  spool: 3,
  directors: 3,
  routers: 3,
  transports: 4,
  addressing: 4,
  intake: 5,
  mtqp: 5,
  reports: 5,
  queue: 6,
  config: 6,
  app: 7,
  cli: 8,
}

/** From rank 4 to 6 these alone may be imported of the folders of rank 3 to 5. */
const INTERFACES = new Set([
  'spool/spool',
  'directors/director',
  'routers/router',
  'transports/transport',
  'addressing/resolve',
  'reports/report',
])

/** What an extension may know: its interface, words, and nothing that does anything. */
const FOR_EXTENSIONS = /^(mail\/|sasl\/|smtp\/(extension|param)$|mime\/(fields|date)$|net\/(channel|resolver)$)/

interface Import {
  readonly from: string
  readonly to: string
  readonly types: boolean
}

const imports = (): Import[] =>
  globSync('src/**/*.ts')
    .filter((file) => !isOurTest(file))
    .flatMap((file) =>
      [...readFileSync(file, 'utf8').matchAll(/^(?:import|export)\s(type\s)?[^;'"]*?from '(\.[^']+)'/gm)].map(
        ([, types, path]) => ({
          from: relative('src', file).replace(/\.ts$/, ''),
          to: relative('src', join(dirname(file), path ?? '')).replace(/\.ts$/, ''),
          types: types !== undefined,
        }),
      ),
    )

const isOurTest = (file: string): boolean => file.endsWith('.test.ts') || /\/contract(-[a-z-]+)?\.ts$/.test(file)

const folder = (path: string): string => (path.includes('/') ? path.slice(0, path.indexOf('/')) : '')

/** An extension's file, and the files of its own folder beside it, have one name. */
const ownOf = (path: string): string | undefined => path.split('/')[1]

const broken = ({ from, to, types }: Import): string | undefined => {
  const [here, there] = [folder(from), folder(to)]
  // The public entry and files inside one folder are free; an extension never imports another.
  if (here === '') return undefined
  if (here === there) {
    if (here !== 'extensions' || from === 'extensions/index') return undefined
    return ownOf(from) === ownOf(to) ? undefined : 'an extension imports no other extension'
  }
  const [low, high] = [RANKS[there], RANKS[here]]
  if (low === undefined || high === undefined) return 'every folder has a rank'
  if (here === 'cli') return low <= 7 ? undefined : 'folders of one rank do not import each other'
  if (low === high) return 'folders of one rank do not import each other'
  if (low > high)
    return types && there === 'config' && to === 'config/settings'
      ? undefined
      : 'a folder imports from lower ranks only'
  if (here === 'extensions' && !FOR_EXTENSIONS.test(to))
    return 'an extension knows smtp/extension, smtp/param, mail, sasl, mime/fields, mime/date and types of net'
  if (high >= 4 && high <= 6 && low >= 3 && !INTERFACES.has(to))
    return 'of ranks 3 to 5 only interface files may be imported'
  return undefined
}

test('the rule itself: what it forbids and what it lets pass', () => {
  const rule = (from: string, to: string, types = false) => broken({ from, to, types }) !== undefined
  assert.ok(rule('mail/address', 'smtp/param'))
  assert.ok(rule('spool/sqlite', 'routers/router'))
  assert.ok(rule('extensions/dsn', 'extensions/size'))
  assert.ok(rule('extensions/dsn', 'extensions/size/limit'))
  assert.ok(!rule('extensions/size', 'extensions/size/limit'))
  assert.ok(rule('extensions/starttls', 'net/tls'))
  assert.ok(rule('queue/runner', 'spool/sqlite'))
  assert.ok(rule('nowhere/file', 'mail/address'))
  assert.ok(!rule('queue/runner', 'spool/spool'))
  assert.ok(!rule('cli/smail', 'app/mta'))
})

test('folders import as their ranks allow', () => {
  const all = imports()
  assert.ok(all.length > 100, 'the import lines were found')
  const faults = all.flatMap((one) => {
    const rule = broken(one)
    return rule ? [`${one.from} imports ${one.to}: ${rule}`] : []
  })
  assert.deepEqual(faults, [])
})

/** Words that are settings of the cores as well as extensions. */
const ALSO_OURS = new Set(['src/smtp/create-server.ts names limits'])

test('the two protocol cores name no extension', () => {
  const keywords = globSync('src/extensions/*.ts')
    .map((file) => relative('src/extensions', file).replace(/\.ts$/, ''))
    .filter((name) => name !== 'index')
  const named = globSync('src/{smtp,queue,spool,intake,net}/*.ts')
    .filter((file) => !isOurTest(file))
    .flatMap((file) => {
      const code = readFileSync(file, 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')
      return keywords
        .filter((word) => new RegExp(`['"\`.]${word}['"\`]`, 'i').test(code))
        .map((word) => `${file} names ${word}`)
    })
    .filter((one) => !ALSO_OURS.has(one))
  assert.deepEqual(named, [])
})

test('files stay readable in one sitting: none above 400 lines, half of them below 120', () => {
  const sizes = globSync('src/**/*.ts')
    .filter((file) => !file.endsWith('.test.ts'))
    .map((file) => ({ file, lines: readFileSync(file, 'utf8').split('\n').length }))
    .sort((a, b) => a.lines - b.lines)
  assert.deepEqual(
    sizes.filter(({ lines }) => lines > 400),
    [],
  )
  const median = sizes[Math.floor(sizes.length / 2)]?.lines ?? 0
  assert.ok(median < 120, `the median file has ${median} lines`)
})
