import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Refusal } from '../mail/reply.ts'
import type { Param } from './extension.ts'
import { flag, fromXtext, get, list, mailboxArgument, number, oneOf, toXtext, xtext } from './param.ts'

const refused = (param: Param<unknown>, text: string | true): string => {
  try {
    param.read(text)
    return 'read'
  } catch (error) {
    assert.ok(error instanceof Refusal)
    return `${error.reply.code} ${error.reply.status}`
  }
}

test('each reader reads what it should and refuses the rest with 501 5.5.4', () => {
  assert.equal(flag('A').read(true), true)
  assert.equal(refused(flag('A'), 'x'), '501 5.5.4')
  assert.equal(number('A', 20).read('18446744073709551616'), 18446744073709551616n)
  for (const bad of [true, '', '-1', '1.0', '123456789012345678901', '１'] as const)
    assert.equal(refused(number('A', 20), bad), '501 5.5.4')
  assert.equal(oneOf('A', ['RED', 'BLUE']).read('blue'), 'BLUE')
  assert.equal(refused(oneOf('A', ['RED']), 'GREEN'), '501 5.5.4')
  assert.equal(refused(oneOf('A', ['RED']), true), '501 5.5.4')
  assert.deepEqual(list('A', ['ONE', 'TWO']).read('two,One'), ['ONE', 'TWO'])
  // RFC 3461 4.1 has no word against a word said twice.
  assert.deepEqual(list('A', ['ONE', 'TWO']).read('one,One'), ['ONE'])
  for (const bad of [true, '', 'ONE,', 'ONE,ONE,ONE', 'ONE, TWO', 'THREE'] as const)
    assert.equal(refused(list('A', ['ONE', 'TWO']), bad), '501 5.5.4')
  assert.equal(xtext('A', 10).read('a+2Bb'), 'a+b')
  for (const bad of [true, '', 'a b', 'a=b', '+2b', '+2', 'a+0A', '12345678901'] as const)
    assert.equal(refused(xtext('A', 10), bad), '501 5.5.4')
})

test('the longest text a parameter takes is what it says it adds to the line', () => {
  assert.equal(number('SIZE', 20).maxOctets, ' SIZE=12345678901234567890'.length)
  assert.equal(flag('REQUIRETLS').maxOctets, ' REQUIRETLS'.length)
  assert.equal(oneOf('RET', ['FULL', 'HDRS']).maxOctets, ' RET=FULL'.length)
  assert.equal(list('NOTIFY', ['SUCCESS', 'FAILURE', 'DELAY']).maxOctets, ' NOTIFY=SUCCESS,FAILURE,DELAY'.length)
  assert.equal(xtext('ENVID', 100).maxOctets, 107)
})

test('a stored value that the reader would refuse today counts as absent', () => {
  assert.equal(get({ A: 'x' }, number('A', 3)), undefined)
  assert.equal(get({ A: '7' }, number('A', 3)), 7n)
  assert.equal(get({}, number('A', 3)), undefined)
})

test('xtext both ways', () => {
  assert.equal(toXtext('a+b=c d'), 'a+2Bb+3Dc+20d')
  assert.equal(fromXtext('a+2Bb+3Dc+20d'), 'a+b=c d')
})

test('the argument of VRFY and EXPN', () => {
  assert.deepEqual(mailboxArgument('alice'), { local: 'alice', domain: '' })
  assert.deepEqual(mailboxArgument('<a@b>'), { local: 'a', domain: 'b' })
  assert.throws(() => mailboxArgument(''), Refusal)
  assert.throws(() => mailboxArgument('<a b@c>'), Refusal)
  assert.throws(() => mailboxArgument('müller'), Refusal)
})
