import assert from 'node:assert/strict'
import { test } from 'node:test'
import { outbound } from '../../test/doubles/outbound.ts'
import { hopWith, plan, refused, toy } from '../../test/doubles/relay-plans.ts'
import { formatPath } from '../mail/address.ts'
import type { ParamBag } from '../mail/envelope.ts'
import { refuse } from '../mail/reply.ts'

const GERMAN = 'Subject: x\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n'

const to = [
  ['a@there.test', {}, 'me.a@here.test'],
  'b@there.test',
  ['c@there.test', {}, 'me.c@here.test'],
  ['d@there.test', {}, 'me.a@here.test'],
] as const

const groups = ({ plans }: Awaited<ReturnType<typeof plan>>) =>
  plans.map(({ mail: { envelope, recipients } }) => [
    formatPath(envelope.sender),
    ...recipients.map(({ address }) => address.local),
  ])

test('however many reverse-paths there are, the content is made once, and that is told once', async () => {
  let converted = 0
  const told: string[] = []
  const made = await plan(outbound({ text: GERMAN, to }), hopWith([]), [], {
    convert: (_target, { facts }) => {
      converted += 1
      const text = Buffer.from('Subject: x\r\n\r\nGruesse\r\n')
      return {
        facts: { ...facts, encoding: '7bit', octets: text.length },
        broken: [],
        async *content() {
          yield text
        },
      }
    },
    log: { event: (_level, event) => void told.push(event) },
  })
  assert.equal(converted, 1)
  assert.deepEqual(told, ['converted'])
  assert.deepEqual(groups(made), [
    ['<me.a@here.test>', 'a', 'd'],
    ['<me@here.test>', 'b'],
    ['<me.c@here.test>', 'c'],
  ])
})

test('parameters are those of each transaction, and who is refused is left out of it alone', async () => {
  const counting = toy('X-COUNT', {
    adds: ({ envelope }) => ({ XCOUNT: String(envelope.recipients.length) }),
    forRecipient: ({ address }) => (address.local === 'd' ? refuse(550, '5.7.1', 'Not this one') : {}),
  })
  const made = await plan(outbound({ to }), hopWith(['X-COUNT']), [counting])
  assert.deepEqual(
    made.plans.map(({ params }) => params['XCOUNT']),
    ['1', '1', '1'],
  )
  assert.deepEqual(groups(made).flat(), ['<me.a@here.test>', 'a', '<me@here.test>', 'b', '<me.c@here.test>', 'c'])
  assert.deepEqual(refused(made), ['13 550 5.7.1 never'])
})

test('where an extension keeps the senders of its mail, no remedy changes them', async () => {
  const hiding = toy('X-HIDE', { concerns: () => true, without: () => [{ do: 'sendAs', sender: null, of: [10, 11] }] })
  const keeping = toy('X-KEEP', {
    concerns: ({ envelope }) => 'XKEEP' in envelope.params,
    with: () => [{ do: 'keepSenders' }],
  })
  const sent = async (params: ParamBag) =>
    groups(await plan(outbound({ params, to: to.slice(0, 2) }), hopWith(['X-KEEP']), [hiding, keeping]))
  assert.deepEqual(await sent({ XKEEP: true }), [
    ['<me.a@here.test>', 'a'],
    ['<me@here.test>', 'b'],
  ])
  assert.deepEqual(await sent({}), [['<>', 'a', 'b']])
})

test('the empty path of a remedy wins over every other, and a path beyond ASCII is nothing for a hop without it', async () => {
  const hiding = toy('X-HIDE', {
    concerns: () => true,
    without: () => [
      { do: 'sendAs', sender: null, of: [10] },
      { do: 'sendAs', sender: { local: 'other', domain: 'here.test' }, of: [10, 11] },
    ],
  })
  const made = await plan(outbound({ to: [...to, ['e@there.test', {}, 'é@here.test']] }), hopWith([]), [hiding])
  assert.deepEqual(groups(made), [
    ['<>', 'a'],
    ['<other@here.test>', 'b'],
    ['<me.c@here.test>', 'c'],
    ['<me.a@here.test>', 'd'],
  ])
  assert.deepEqual(refused(made), ['14 550 5.6.7 otherHost'])
})
