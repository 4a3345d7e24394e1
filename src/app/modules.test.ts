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
    ['ours.mjs', bringing('SIZE'), /modules\.0: .*SIZE is there already/],
    [
      'param.mjs',
      bringing('X-OTHER', "params: { MAIL: [{ name: 'SIZE', maxOctets: 1, read: () => 1 }] }"),
      /modules.*both own MAIL's SIZE/,
    ],
    [
      'verb.mjs',
      bringing('X-VERB', 'server: { verbs: { HELP: { phases: [], run: () => ({}) } } }'),
      /modules.*both bring the verb HELP/,
    ],
    [
      'mail.mjs',
      bringing('X-MAIL', 'server: { verbs: { MAIL: { phases: [], run: () => ({}) } } }'),
      /modules.*MAIL, which is SMTP's own/,
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
  assert.match(twice.join(), /modules\.1: .*X-GOOD is there already/)
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
