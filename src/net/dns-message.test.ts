import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decode } from 'dns-packet'
import fc from 'fast-check'
import { packetOf, soa } from '../../test/doubles/dns-server.ts'
import { decodeAnswer, encodeQuery, type Question } from './dns-message.ts'

const question: Question = { name: 'h.test', type: 'MX' }
const query = { ...question, id: 7, payload: 1232, via: 'udp', port: 1 } as const

test('a query asks for recursion, and offers room by EDNS', () => {
  const packet = decode(encodeQuery(513, question, true))
  assert.equal(packet.id, 513)
  assert.equal(packet.flag_rd, true)
  assert.deepEqual(packet.questions, [{ name: 'h.test', type: 'MX', class: 'IN' }])
  assert.equal(packet.additionals?.length, 1)
  assert.equal(decode(encodeQuery(513, question, false)).additionals?.length, 0)
})

test('what an answer says is read; what it says besides is left out', () => {
  const octets = packetOf(query, {
    answers: [
      { type: 'MX', name: 'H.test', ttl: 9, data: { preference: 3, exchange: 'MX.Test' } },
      { type: 'HINFO', name: 'h.test', ttl: 9, data: { cpu: 'x', os: 'y' } },
    ],
    authorities: [soa('test', 60, 30)],
  })
  assert.deepEqual(decodeAnswer(octets, 7, question), {
    rcode: 0,
    truncated: false,
    competent: true,
    records: [{ owner: 'h.test', type: 'MX', ttl: 9, value: 'mx.test', preference: 3 }],
    negativeTtl: 30,
  })
})

test('pointers in a circle and records beyond the end are thrown, not followed', () => {
  const octets = packetOf(query, { answers: [{ type: 'CNAME', name: 'h.test', ttl: 9, data: 'a.test' }] })
  const name = 12 + 8 + 4
  octets.writeUInt16BE(0xc000 | name, name)
  assert.throws(() => decodeAnswer(octets, 7, question))
  assert.throws(() => decodeAnswer(octets.subarray(0, -1), 7, question))
})

test('any octets are an answer, none, or an Error', () => {
  const good = packetOf(query, {
    answers: [
      { type: 'CNAME', name: 'h.test', ttl: 9, data: 'i.test' },
      { type: 'MX', name: 'i.test', ttl: 9, data: { preference: 3, exchange: 'mx.test' } },
      { type: 'A', name: 'i.test', ttl: 9, data: '192.0.2.1' },
    ],
    authorities: [soa('test', 60)],
    extendedRcode: 0,
  })
  const changed = fc
    .tuple(fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 8 }), fc.nat(good.length))
    .map(([changes, cut]) => {
      const octets = Buffer.from(good)
      for (const [at, value] of changes) octets[at] = value
      return cut % 3 === 0 ? octets.subarray(0, cut) : octets
    })
  const noise = fc.uint8Array({ maxLength: 80 }).map((octets) => Buffer.from([0, 7, 0x80, ...octets]))
  const seen = { answer: 0, none: 0, error: 0 }
  fc.assert(
    fc.property(fc.oneof(changed, noise), (octets) => {
      try {
        const answer = decodeAnswer(octets, 7, question)
        if (answer === undefined) return void (seen.none += 1)
        seen.answer += 1
        assert.ok(answer.records.every(({ ttl, value }) => ttl >= 0 && ttl <= 0x7fffffff && value.length > 0))
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error
        assert.ok(error instanceof Error)
        seen.error += 1
      }
    }),
    { numRuns: 5000 },
  )
  assert.ok(seen.answer > 50 && seen.none > 50 && seen.error > 50, JSON.stringify(seen))
})
