import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readAddress } from '../mail/address.ts'
import { catchAllDirector } from './catch-all.ts'

test('takes whatever is asked, in the domains it serves, but never its own address', async () => {
  const to = readAddress('box@example.org')
  const everywhere = catchAllDirector({ name: 'rest', to })
  assert.deepEqual(await everywhere.direct(readAddress('x@a.test'), []), { to: 'addresses', addresses: [to] })
  assert.equal(await everywhere.direct(readAddress('BOX@Example.org'), []), undefined)
  const one = catchAllDirector({ name: 'rest', to, domains: ['A.test'] })
  assert.deepEqual(await one.direct(readAddress('x@a.test'), []), { to: 'addresses', addresses: [to] })
  assert.equal(await one.direct(readAddress('x@b.test'), []), undefined)
})
