import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { test } from 'node:test'
import { scratchFolder } from './scratch.ts'

test('what conversions have no room for in memory goes where the mail is', () => {
  const spool = { driver: 'sqlite', path: '/var/spool/smail', history: 0, 'keep-free': 0 } as const
  assert.equal(scratchFolder({ spool }), '/var/spool/smail/drafts')
  assert.equal(scratchFolder({ spool: { driver: 'memory' } }), tmpdir())
})
