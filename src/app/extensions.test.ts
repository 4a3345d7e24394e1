import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readSettings } from '../config/load.ts'
import { thisMachine } from '../config/machine.ts'
import { extensionSchemas } from './extensions.ts'

const faults = (text: string): readonly string[] => {
  const loaded = readSettings(text, 'smail.yaml', thisMachine({}), extensionSchemas)
  return 'faults' in loaded ? loaded.faults : []
}

test('what is wrong with an extension, its settings and its networks is told with its place', () => {
  assert.match(
    faults('extensions:\n  expn: { allow: [127.0.0.0/33] }\n').join('\n'),
    /^smail\.yaml:2:19 extensions\.expn\.allow.*prefix/,
  )
  assert.match(faults('extensions:\n  exp: off\n').join('\n'), /^smail\.yaml:2:3 .*exp.*expn/)
  assert.match(faults('extensions:\n  size: { most: 1 }\n').join('\n'), /^smail\.yaml:2:11 extensions\.size/)
  assert.deepEqual(faults('extensions:\n  expn: off\n  vrfy: { allow: [127.0.0.1] }\n'), [])
})
