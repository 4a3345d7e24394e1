import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseOwners, sameOwner } from './owners.ts'

const at = (text: string) => Date.parse(text)
const alice = { local: 'alice', domain: 'Example.org' }

test('an owner a line: addresses and domains, in any case of the domain, with a day, a time, or always', () => {
  const { value, faults } = parseOwners(
    '# who\nalice@EXAMPLE.org 2014-01-01 # moved in\n\nbob@example.org always\r\nexample.org 2012-05-01T08:00:00+02:00\n',
    'owners',
  )
  assert.deepEqual(faults, [])
  assert.deepEqual(
    [...value],
    [
      ['alice@example.org', at('2014-01-01T00:00:00Z')],
      ['bob@example.org', 'always'],
      ['example.org', at('2012-05-01T06:00:00Z')],
    ],
  )
})

test('each fault is told with its line, and what is right is read all the same', () => {
  const { value, faults } = parseOwners(
    [
      'a@x.test',
      'b@x.test 2014-13-01',
      'c@x.test 2014',
      'x..test 2014-01-01',
      'd@x.test always',
      'd@X.test always',
      'e@x.test always now',
    ].join('\n'),
    'owners',
  )
  assert.deepEqual([...value.keys()], ['d@x.test'])
  assert.deepEqual(
    faults.map((fault) => fault.replace(/^owners:(\d+): .*$/s, '$1')),
    ['1', '2', '3', '4', '6', '7'],
  )
})

test('any text is read', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('a', '@', '.', ' ', '\n', '2014-01-01', 'always', '#', '\xe9') }),
      (text) => {
        parseOwners(text, 'owners')
      },
    ),
  )
})

test('the record decides, then the age of the folder, then the latest time there can have been', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'owners-'))
  try {
    const made = statSync(folder).birthtimeMs
    const none = new Map()
    const ask = (since: string | number, home: string | undefined, known: Parameters<typeof sameOwner>[3]) =>
      sameOwner(
        alice,
        home === undefined ? undefined : { user: 'alice', home },
        typeof since === 'string' ? at(since) : since,
        known,
      )
    const owners = new Map([['alice@example.org', at('2014-01-01T00:00:00Z')]])
    assert.equal(await ask('2014-01-01T00:00:00Z', folder, { owners }), 'same')
    assert.equal(await ask('2013-12-31T23:59:59Z', folder, { owners }), 'other')
    assert.equal(
      await ask('1990-01-01T00:00:00Z', folder, { owners: new Map([['alice@example.org', 'always']]) }),
      'same',
    )
    const domain = new Map<string, number | 'always'>([...owners, ['example.org', at('2016-01-01T00:00:00Z')]])
    assert.equal(await ask('2015-01-01T00:00:00Z', folder, { owners: domain }), 'domain')
    assert.equal(await ask('2016-01-01T00:00:00Z', folder, { owners: domain }), 'same')
    // However the address is written, it is the mailbox of the same user.
    for (const local of ['ALICE', 'alice+tag']) {
      const asked = { local, domain: 'example.ORG' }
      assert.equal(
        await sameOwner(asked, { user: 'alice', home: folder }, at('2013-12-31T00:00:00Z'), { owners }),
        'other',
      )
    }
    // Where the file system keeps no such time, nothing is known.
    assert.equal(await ask(made - 2000, folder, { owners: none }), made > 0 ? 'other' : 'unknown')
    assert.equal(await ask(made, folder, { owners: none }), made > 0 ? 'same' : 'unknown')
    for (const home of [undefined, join(folder, 'none')]) {
      assert.equal(await ask('2014-01-01T00:00:00Z', home, { owners: none }), 'unknown')
      assert.equal(
        await ask('2014-01-01T00:00:00Z', home, { owners: none, latest: at('2014-01-01T00:00:00Z') }),
        'same',
      )
      assert.equal(
        await ask('2013-01-01T00:00:00Z', home, { owners: none, latest: at('2014-01-01T00:00:00Z') }),
        'other',
      )
    }
    await assert.rejects(ask('2014-01-01T00:00:00Z', `${folder}/\0`, { owners: none }))
  } finally {
    rmSync(folder, { recursive: true })
  }
})
