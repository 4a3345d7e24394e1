import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createMta } from './compose.ts'
import { loadAll } from './load-all.ts'
import { Unfit } from './unfit.ts'

const folder = mkdtempSync(join(tmpdir(), 'smail-modules-'))
after(() => rmSync(folder, { recursive: true }))

const settingsOf = async (modules: Readonly<Record<string, string>>, more = '') => {
  for (const [name, text] of Object.entries(modules)) writeFileSync(join(folder, name), text)
  const file = join(folder, 'smail.yaml')
  writeFileSync(file, `spool: { memory: {} }\nmodules: [${Object.keys(modules).join(', ')}]\n${more}`)
  return loadAll({ file, env: { HOME: folder } })
}

const faultsOf = async (modules: Readonly<Record<string, string>>, more = ''): Promise<readonly string[]> => {
  const loaded = await settingsOf(modules, more)
  if ('faults' in loaded) return loaded.faults.map((fault) => fault.replaceAll(folder, ''))
  try {
    await (await createMta(loaded.settings, { modules: loaded.modules })).stop()
    return []
  } catch (error) {
    if (!(error instanceof Unfit)) throw error
    return loaded.placed(error.issues).map((fault) => fault.replaceAll(folder, ''))
  }
}

const bringing = (keyword: string, rest = '') =>
  `export const extension = ({ z }) => ({ keyword: '${keyword}', settings: z.strictObject({ n: z.number().default(1) }),
    make: () => ({ keyword: '${keyword}', rfc: [], server: {}, ${rest} }) })`

test('a module and its block: all is well', async () => {
  assert.deepEqual(await faultsOf({ 'good.mjs': bringing('X-GOOD') }, 'extensions: { x-good: { n: 2 } }\n'), [])
  assert.deepEqual(await faultsOf({ 'good.mjs': bringing('X-GOOD') }), [])
})

test('what is wrong with a module or its block is told with its place', async () => {
  for (const [name, text, told] of [
    ['broken.mjs', 'export const extension = (', /^\/smail\.yaml:2:11 modules\.0: \/broken\.mjs: /],
    ['nothing.mjs', 'export const other = 1', /2:11 modules\.0: .*exports no function `extension`/],
    ['empty.mjs', 'export const extension = () => undefined', /modules\.0: .*gives no \{ keyword, make \}/],
    ['throws.mjs', 'export const extension = () => { throw new Error("no luck") }', /modules\.0: .*no luck/],
    ['name.mjs', bringing('X GOOD'), /modules\.0: .*X GOOD is no EHLO keyword/],
    ['ours.mjs', bringing('SIZE'), /modules\.0: .*SIZE is there already: it is one of those that Smail has/],
    ['lower.mjs', bringing('x-good'), /2:11 modules\.0: .*x-good is no EHLO keyword/],
    [
      'other.mjs',
      bringing('X-GOOD').replace(/make.*'X-GOOD'/, "make: () => ({ keyword: 'X-OTHER'"),
      /2:11 modules\.0: X-GOOD: its `make` gives the extension X-OTHER; both must have the same keyword/,
    ],
    [
      'unmade.mjs',
      bringing('X-GOOD').replace('make: () =>', 'make: () => { throw new Error("no luck") }, rest: () =>'),
      /2:11 modules\.0: X-GOOD: no luck/,
    ],
    [
      'plain.mjs',
      bringing('X-GOOD').replace(/z\.strict.*?\}\)/, '{ n: 1 }'),
      /2:11 modules\.0: .*`settings` is no zod/,
    ],
    ['typed.ts', 'export const extension = (\n: number', /2:11 modules\.0: \/typed\.ts:\d: /],
    [
      'param.mjs',
      bringing('X-OTHER', "params: { MAIL: [{ name: 'SIZE', maxOctets: 1, read: () => 1 }] }"),
      /2:11 modules\.0: .*both own MAIL's SIZE/,
    ],
    [
      'verb.mjs',
      bringing('X-VERB', 'server: { verbs: { HELP: { phases: [], run: () => ({}) } } }'),
      /2:11 modules\.0: .*both bring the verb HELP/,
    ],
    [
      'mail.mjs',
      bringing('X-MAIL', 'server: { verbs: { MAIL: { phases: [], run: () => ({}) } } }'),
      /2:11 modules\.0: .*MAIL, which is SMTP's own/,
    ],
  ] as const) {
    const faults = await faultsOf({ [name]: text })
    assert.match(faults.join('\n'), told, name)
    assert.equal(faults.length, 1, name)
  }
  assert.match(
    (await faultsOf({ 'good.mjs': bringing('X-GOOD') }, 'extensions: { x-good: { n: a } }\n')).join(),
    /3:28 extensions\.x-good\.n: /,
  )
  const twice = await faultsOf({ 'good.mjs': bringing('X-GOOD'), 'again.mjs': bringing('X-GOOD') })
  assert.match(twice.join(), /^\/smail\.yaml:2:21 modules\.1: .*X-GOOD is there already: another module brings it$/)
  // Of two that cannot stand together it is the later one.
  const parameter = "params: { MAIL: [{ name: 'XP', maxOctets: 3, read: () => 1 }] }"
  const both = { 'one.mjs': bringing('X-ONE', parameter), 'two.mjs': bringing('X-TWO', parameter) }
  assert.deepEqual(await faultsOf(both), ["/smail.yaml:2:20 modules.1: X-TWO and X-ONE both own MAIL's XP"])
})

test('a module has its place among what else is wrong, and what names no module is told too', async () => {
  const faults = await faultsOf({ 'late.mjs': 'export const extension = (' }, 'hostnam: mx.example.org\n')
  assert.equal(faults.length, 2)
  assert.match(faults[0] ?? '', /^\/smail\.yaml:2:11 modules\.0: \/late\.mjs: /)
  assert.match(faults[1] ?? '', /^\/smail\.yaml:3:1 hostnam: is no setting/)
  const file = join(folder, 'smail.yaml')
  writeFileSync(file, 'modules:\n  - [1]\n  - late.mjs\n')
  const loaded = await loadAll({ file, env: { HOME: folder } })
  const told = 'faults' in loaded ? loaded.faults : []
  assert.match(told[0] ?? '', /:2:5 modules\.0/)
  assert.match(told[1] ?? '', /:3:5 modules\.1: .*late\.mjs: /)
})

test('a module without a block has its defaults everywhere, and one that has none needs the block', async () => {
  const module = (settings: string) =>
    `export const extension = ({ z }) => ({ keyword: 'X-DEF', settings: ${settings},
      make: ({ n }) => ({ keyword: 'X-DEF', rfc: [], words: { relay: n.toFixed(1) }, server: {} }) })`
  const loaded = await settingsOf({ 'def.mjs': module('z.strictObject({ n: z.number().default(1) })') })
  assert.ok('settings' in loaded)
  const mta = await createMta(loaded.settings, { modules: loaded.modules })
  assert.equal(mta.extensions().find(({ keyword }) => keyword === 'X-DEF')?.relay, '1.0')
  await mta.stop()
  const needed = { 'need.mjs': module('z.strictObject({ n: z.number() })').replaceAll('X-DEF', 'X-NEED') }
  assert.match((await faultsOf(needed)).join(), /extensions\.x-need\.n/)
  assert.deepEqual(await faultsOf(needed, 'extensions: { x-need: { n: 3 } }\n'), [])
})

test('a file that is not there, or that others may write, is not run', async () => {
  const file = join(folder, 'smail.yaml')
  writeFileSync(file, 'modules: missing.mjs\n')
  const loaded = await loadAll({ file, env: { HOME: folder } })
  assert.match('faults' in loaded ? loaded.faults.join() : '', /1:10 modules.*missing\.mjs: does not exist/)
  await settingsOf({ 'open.mjs': 'throw new Error("it was run")' })
  chmodSync(join(folder, 'open.mjs'), 0o666)
  const open = await loadAll({ file, env: { HOME: folder } })
  assert.match('faults' in open ? open.faults.join() : '', /open\.mjs: may be written by others/)
})
