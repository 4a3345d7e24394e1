import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Extension } from './extension.ts'
import { oneOf } from './param.ts'
import { createRegistry } from './registry.ts'

const extension = (keyword: string, more: Partial<Extension> = {}): Extension => ({ keyword, rfc: [], ...more })
const verb = { phases: ['greeted'], run: () => ({ code: 250, status: '2.0.0', lines: ['Ok'] }) } as const

test('what cannot stand together is refused when the registry is made, and both sides are named', () => {
  const faults: [RegExp, ...Extension[]][] = [
    [/no EHLO keyword/, extension('not a keyword')],
    [/TWICE is there twice/, extension('TWICE'), extension('TWICE')],
    [
      /A and B.*verb XV|B and A.*verb XV/,
      extension('A', { server: { verbs: { XV: verb } } }),
      extension('B', { server: { verbs: { XV: verb } } }),
    ],
    [
      /B and A both own MAIL's BODY=7BIT/,
      extension('A', { params: { MAIL: [oneOf('BODY', ['7BIT'])] } }),
      extension('B', { params: { MAIL: [oneOf('BODY', ['7BIT'])] } }),
    ],
    [/BINARYMIME requires CHUNKING/, extension('BINARYMIME', { requires: ['CHUNKING'] })],
    [
      /Two dialects/,
      extension('A', { server: { greetsWith: 'LHLO' } }),
      extension('B', { server: { greetsWith: 'XHLO' } }),
    ],
  ]
  for (const [message, ...extensions] of faults) assert.throws(() => createRegistry(extensions), message)
})

test('two may own different words of one parameter', () => {
  const registry = createRegistry([
    extension('8BITMIME', { params: { MAIL: [oneOf('BODY', ['7BIT', '8BITMIME'])] } }),
    extension('OTHER', { params: { MAIL: [oneOf('BODY', ['BINARYMIME'])] } }),
  ])
  assert.deepEqual(
    registry.owners('MAIL', 'BODY').map(({ extension: { keyword } }) => keyword),
    ['8BITMIME', 'OTHER'],
  )
  assert.deepEqual(registry.owners('RCPT', 'BODY'), [])
})
