import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Room } from './control-room.ts'

const guests = () => {
  const gone: string[] = []
  return { gone, guest: (name: string) => ({ destroy: () => void gone.push(name) }) }
}

test('when it is full, who has asked for nothing goes first, longest first; then who keeps us waiting', () => {
  const { gone, guest } = guests()
  const room = new Room(3)
  const [a, b, c] = ['a', 'b', 'c'].map((name) => room.enter(guest(name)))
  a?.waits('rest')
  b?.waits('request')
  c?.waits('request')
  b?.waits('request')
  room.enter(guest('d'))?.waits('rest')
  assert.deepEqual(gone, ['c'])
  room.enter(guest('e'))?.waits('rest')
  assert.deepEqual(gone, ['c', 'b'])
  a?.waits('rest')
  room.enter(guest('f'))?.works()
  assert.deepEqual(gone, ['c', 'b', 'd'])
})

test('whoever we work for stays; when all are such, nobody comes in before one has left', () => {
  const { gone, guest } = guests()
  const room = new Room(2)
  const places = ['a', 'b'].map((name) => room.enter(guest(name)))
  for (const place of places) {
    place?.waits('request')
    place?.works()
  }
  assert.equal(room.enter(guest('c')), undefined)
  assert.deepEqual(gone, [])
  places[0]?.leave()
  assert.ok(room.enter(guest('c')))
  assert.equal(room.enter(guest('d')), undefined)
})

test('who was shown out holds no place any more, whatever it goes on to do', () => {
  const { gone, guest } = guests()
  const room = new Room(1)
  const a = room.enter(guest('a'))
  a?.waits('request')
  const b = room.enter(guest('b'))
  a?.waits('request')
  a?.leave()
  b?.works()
  assert.equal(room.enter(guest('c')), undefined)
  assert.deepEqual(gone, ['a'])
})
