import assert from 'node:assert/strict'
import { test } from 'node:test'
import { census } from './census.ts'

test('there is room for so many in all, and for so many of one peer', () => {
  const here = census(3, 2)
  const leave = here.enter('192.0.2.1')
  assert(leave)
  assert(here.enter('192.0.2.1'))
  assert.equal(here.enter('192.0.2.1'), undefined)
  assert(here.enter('192.0.2.2'))
  assert.equal(here.enter('192.0.2.3'), undefined)
  assert.equal(here.present, 3)
  leave()
  assert.equal(here.present, 2)
  assert(here.enter('192.0.2.1'))
})

test('the addresses of one IPv6 network are one peer', () => {
  const here = census(10, 1)
  assert(here.enter('2001:db8:1:2::1'))
  assert.equal(here.enter('2001:db8:1:2:ffff::9'), undefined)
  assert(here.enter('2001:db8:1:3::1'))
})

test('what has no address is counted in all only', () => {
  const here = census(3, 1)
  assert(here.enter(''))
  assert(here.enter(''))
  assert(here.enter(''))
  assert.equal(here.enter(''), undefined)
})

test('without limits everybody enters', () => {
  const here = census()
  for (let i = 0; i < 1000; i++) assert(here.enter('192.0.2.1'))
  assert.equal(here.present, 1000)
})

test('other limits hold for who comes then', () => {
  const here = census(1, 1)
  const leave = here.enter('192.0.2.1')
  here.limit(3, 2)
  assert(here.enter('192.0.2.1'))
  assert.equal(here.enter('192.0.2.1'), undefined)
  assert(here.enter('192.0.2.2'))
  here.limit(1)
  leave?.()
  assert.equal(here.enter('192.0.2.3'), undefined)
  here.limit()
  assert(here.enter('192.0.2.3'))
})
