import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import type { Promised } from './contract.ts'
import { BODY, claimOne, claimWith, names, octets, put, recordOf, to } from './contract-fixtures.ts'
import { type Spool, SpoolError } from './spool.ts'

const invalid = (error: unknown): boolean => error instanceof SpoolError && error.kind === 'invalid'

const nothing = async (spool: Spool): Promise<void> => {
  assert.deepEqual(await spool.counts(), { messages: 0, waiting: 0, held: 0, parked: 0 })
  assert.deepEqual(await spool.list({ most: 10 }), [])
}

export const drafts: Promised = {
  'nothing exists before the commit, all of it after': async (spool, clock) => {
    const draft = spool.open()
    await draft.write(BODY)
    assert.equal(draft.octets, BODY.length)
    await nothing(spool)
    assert.equal(await spool.show(draft.id), undefined)
    assert.equal(await spool.read(draft.id), undefined)
    assert.deepEqual(await claimWith(spool, clock), [])

    const record = recordOf(clock, BODY.length, { history: ['taken'] })
    await draft.commit(record)
    const whole = Buffer.concat([record.prefix, BODY])
    const shown = await spool.show(draft.id)
    assert.ok(shown)
    const { sender, params, facts, origin, schedule, accepted } = record
    const { recipients, ...rest } = shown
    assert.deepEqual(rest, { id: draft.id, sender, params, facts, origin, schedule, accepted, octets: whole.length })
    assert.deepEqual(names(recipients), ['bob@example.net'])
    assert.deepEqual(await spool.list({ most: 10 }), [shown])
    assert.deepEqual(await octets(await spool.read(draft.id)), whole)
    assert.deepEqual(await spool.trace(draft.id), [{ at: accepted, text: 'taken' }])

    const claim = await claimOne(spool, clock)
    const { content, ...message } = claim.message
    assert.deepEqual(message, rest)
    assert.deepEqual(claim.recipients, recipients)
    assert.deepEqual(await octets(content()), whole)
    assert.deepEqual(await octets(content()), whole, 'the content can be read again')
  },

  'a draft that was given up leaves nothing and takes no more': async (spool, clock) => {
    const draft = spool.open()
    await draft.write(BODY)
    await draft.abort()
    await draft.abort()
    await assert.rejects(async () => draft.write(BODY), invalid)
    await assert.rejects(draft.commit(recordOf(clock, BODY.length)), invalid)
    await nothing(spool)
  },

  'a committed draft takes no more, and to give it up takes nothing back': async (spool, clock) => {
    const draft = await put(spool, clock)
    await assert.rejects(draft.commit(recordOf(clock, BODY.length)), invalid)
    await assert.rejects(async () => draft.write(BODY), invalid)
    await draft.abort()
    assert.deepEqual(await spool.counts(), { messages: 1, waiting: 1, held: 0, parked: 0 })
    await octets(await spool.read(draft.id))
  },

  'a draft shows what was written so far, and goes on': async (spool, clock) => {
    const draft = spool.open()
    const parts = [randomBytes(10), randomBytes(70_000), randomBytes(400_000), randomBytes(3)]
    const written: Buffer[] = []
    for (const part of parts) {
      assert.deepEqual(await octets(draft.body()), Buffer.concat(written))
      await draft.write(part)
      written.push(part)
      assert.equal(draft.octets, Buffer.concat(written).length)
    }
    const body = Buffer.concat(written)
    assert.deepEqual(await octets(draft.body()), body)
    await draft.commit(recordOf(clock, body.length, { prefix: new Uint8Array(0) }))
    assert.deepEqual(await octets(await spool.read(draft.id)), body)
  },

  'what was written stays as it was, whatever becomes of the chunk': async (spool, clock) => {
    const draft = spool.open()
    const chunk = Buffer.alloc(50_000)
    const hash = createHash('sha256')
    for (let i = 0; i < 12; i++) {
      chunk.fill(i)
      hash.update(chunk)
      await draft.write(chunk)
    }
    chunk.fill(255)
    const prefix = Buffer.from('P: 1\r\n')
    await draft.commit(recordOf(clock, draft.octets, { prefix }))
    prefix.fill(0)
    const read = await octets(await spool.read(draft.id))
    assert.equal(read.subarray(0, 6).toString(), 'P: 1\r\n')
    assert.equal(createHash('sha256').update(read.subarray(6)).digest('hex'), hash.digest('hex'))
  },

  'the message is the prefix and the body from where it begins': async (spool, clock) => {
    const large = randomBytes(300_000)
    for (const body of [Buffer.from('Old: 1\r\n\r\ntext'), large])
      for (const bodyFrom of [0, 1, 9, body.length - 1, body.length]) {
        const prefix = Buffer.from('New: 2\r\n')
        const draft = await put(spool, clock, { prefix, bodyFrom }, body)
        const expected = Buffer.concat([prefix, body.subarray(bodyFrom)])
        assert.deepEqual(await octets(await spool.read(draft.id)), expected)
        const claim = await claimOne(spool, clock)
        assert.equal(claim.message.octets, expected.length)
        assert.deepEqual(await octets(claim.message.content()), expected)
      }
  },

  'a message may be empty': async (spool, clock) => {
    const draft = await put(spool, clock, { prefix: new Uint8Array(0) }, new Uint8Array(0))
    assert.equal((await octets(await spool.read(draft.id))).length, 0)
    const claim = await claimOne(spool, clock)
    assert.equal(claim.message.octets, 0)
    assert.equal((await octets(claim.message.content())).length, 0)
  },

  'a huge message streams in and out': async (spool, clock) => {
    const draft = spool.open()
    const chunk = randomBytes(65_537)
    const [into, out] = [createHash('sha256'), createHash('sha256')]
    for (let i = 0; i < 200; i++) {
      chunk.writeUInt32BE(i)
      into.update(chunk)
      await draft.write(chunk)
    }
    await draft.commit(recordOf(clock, draft.octets, { prefix: new Uint8Array(0) }))
    const claim = await claimOne(spool, clock)
    assert.equal(claim.message.octets, 200 * chunk.length)
    let largest = 0
    for await (const part of claim.message.content()) {
      largest = Math.max(largest, part.length)
      out.update(part)
    }
    assert.equal(out.digest('hex'), into.digest('hex'))
    assert.ok(largest <= 1024 * 1024, `came in pieces of up to ${largest}`)
  },

  'drafts written at one time do not mix': async (spool, clock) => {
    const sizes = [...Array(30).keys()].map((i) => (i % 3 === 0 ? 150_000 + i : 100 * i))
    const bodies = await Promise.all(
      sizes.map(async (size, i) => {
        const draft = spool.open()
        const body = Buffer.alloc(size, i)
        for (let at = 0; at < size; at += 40_000) await draft.write(body.subarray(at, at + 40_000))
        await draft.commit(recordOf(clock, size, { prefix: Buffer.of(i) }))
        return [draft.id, body] as const
      }),
    )
    assert.equal(new Set(bodies.map(([id]) => id)).size, sizes.length)
    for (const [i, [id, body]] of bodies.entries())
      assert.deepEqual(await octets(await spool.read(id)), Buffer.concat([Buffer.of(i), body]))
  },

  'ids ascend and are letters and digits': async (spool, clock) => {
    const ids: string[] = []
    for (let i = 0; i < 100; i++) {
      ids.push(spool.open().id)
      if (i % 10 === 0) clock.pass(1)
    }
    assert.deepEqual(ids.toSorted(), ids)
    assert.equal(new Set(ids).size, 100)
    for (const id of ids) assert.match(id, /^[0-9A-Za-z]+$/)
  },

  'what the envelope holds comes back as it was': async (spool, clock) => {
    const recipients = [
      to('ß"\\ @müll.Example', { params: { NOTIFY: 'NEVER', ORCPT: 'rfc822;a+40b' }, lane: 'smtp/x', sender: null }),
      to('postmaster@', { sender: { local: "o'wner", domain: '[192.0.2.1]' } }),
      to('\u0000\u{1f600}@x', { params: { X: true, __proto__x: '' } }),
    ]
    const { id } = await put(spool, clock, {
      sender: null,
      params: { 'X-Y': '=;\u00e4', Z: true },
      recipients,
      schedule: { priority: -3, notBefore: clock.now(), milestones: [{ at: 5, do: 'warn', status: '4.4.7' }] },
      origin: { ...recordOf(clock, 0).origin, identity: 'ann', secured: 'TLSv1.3' },
    })
    const shown = await spool.show(id)
    assert.equal(shown?.sender, null)
    assert.deepEqual(shown?.params, { 'X-Y': '=;\u00e4', Z: true })
    assert.deepEqual(shown?.origin.identity, 'ann')
    const kept = shown?.recipients ?? []
    assert.deepEqual(
      kept.map(({ address, params, lane, sender }) => ({ address, params, lane, sender })),
      recipients.map(({ address, params, lane = null, sender }) => ({ address, params, lane, sender })),
    )
    assert.ok(kept[0] && 'sender' in kept[0])
    assert.ok(kept[2] && !('sender' in kept[2]))
    const claims = await claimWith(spool, clock)
    assert.equal(claims.length, 2)
    for (const { message } of claims)
      assert.deepEqual(message.schedule, {
        priority: -3,
        notBefore: clock.now(),
        milestones: [{ at: 5, do: 'warn', status: '4.4.7' }],
      })
  },

  'who was refused on the way in is due at once, whatever the schedule says, with what was said': async (
    spool,
    clock,
  ) => {
    const last = { code: 550, status: '5.7.1', lines: ['Not wanted'], by: 'us', at: clock.now() } as const
    const recipients = [to('a@x', { lane: 'l' }), to('b@x', { lane: 'l', last })]
    const { id } = await put(spool, clock, { recipients, schedule: { notBefore: clock.now() + 1000 } })
    const kept = (await spool.show(id))?.recipients ?? []
    assert.deepEqual(
      kept.map(({ fate }) => fate),
      [
        { is: 'waiting', due: clock.now() + 1000 },
        { is: 'waiting', due: clock.now(), last },
      ],
    )
    const claim = await claimOne(spool, clock)
    assert.deepEqual(names(claim.recipients), ['b@x'])
  },

  'a record that could never be served is refused and nothing is kept': async (spool, clock) => {
    for (const more of [{ recipients: [] }, { bodyFrom: BODY.length + 1 }, { bodyFrom: -1 }]) {
      const draft = spool.open()
      await draft.write(BODY)
      await assert.rejects(draft.commit(recordOf(clock, BODY.length, more)), invalid)
      await nothing(spool)
      await draft.abort()
    }
  },

  'a thousand recipients': async (spool, clock) => {
    const recipients = [...Array(1000).keys()].map((i) => to(`r${i}@d${i % 7}.example`, { lane: `smtp/${i % 7}` }))
    const { id } = await put(spool, clock, { recipients })
    const shown = await spool.show(id)
    assert.deepEqual(names(shown?.recipients ?? []), names(recipients))
    const claims = await claimWith(spool, clock, { mostRecipients: 1000 })
    assert.equal(claims.length, 7)
    assert.deepEqual(names(claims.flatMap((claim) => claim.recipients)), names(recipients))
  },
}
