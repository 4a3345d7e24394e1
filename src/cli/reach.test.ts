import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ControlFault, NotRunning } from '../app/control-client.ts'
import { Exit } from './exit.ts'
import { exitOf, reach } from './reach.ts'

const connecting =
  (answers: Readonly<Record<string, 'here' | 'gone' | 'denied' | 'broken'>>) => async (path: string) => {
    const answer = answers[path]
    if (answer === 'here') return path
    throw answer === 'broken' ? new Error('EMFILE') : new NotRunning(path, answer === 'denied')
  }

test('the first socket that answers', async () => {
  assert.equal(await reach(['/a', '/b', '/c'], connecting({ '/a': 'gone', '/b': 'here', '/c': 'here' })), '/b')
  assert.equal(await reach(['/a', '/b'], connecting({ '/a': 'denied', '/b': 'here' })), '/b')
})

test('where none answers, the one that may not be used is named, or else the likeliest', async () => {
  const named = (path: string, denied: boolean) => (error: unknown) =>
    error instanceof NotRunning && error.path === path && error.denied === denied
  await assert.rejects(reach(['/a', '/b', '/c'], connecting({ '/b': 'denied' })), named('/b', true))
  await assert.rejects(reach(['/a', '/b'], connecting({})), named('/a', false))
  await assert.rejects(reach(['/a', '/b'], connecting({ '/a': 'broken', '/b': 'here' })), /EMFILE/)
})

test('what went wrong becomes an exit code', () => {
  const codes: [error: unknown, code: number][] = [
    [new Exit(5, 'x'), 5],
    [new NotRunning('/a', false), 69],
    [new NotRunning('/a', true), 77],
    [new ControlFault({ kind: 'usage', message: 'x' }), 64],
    [new ControlFault({ kind: 'usage', message: 'x', details: ['a:1:1: y'] }), 78],
    [new ControlFault({ kind: 'missing', message: 'x' }), 66],
    [new ControlFault({ kind: 'fault', message: 'x' }), 75],
    [new Error('a bug'), 70],
    ['no error at all', 70],
  ]
  for (const [error, code] of codes) assert.equal(exitOf(error).code, code)
  assert.equal(
    exitOf(new ControlFault({ kind: 'usage', message: 'a\x1b[2J', details: ['b\nc'] })).message,
    'a\\x1b[2J\nb\\x0ac',
  )
})
