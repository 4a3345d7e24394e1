import type { Diagnosis } from '../../src/mail/diagnosis.ts'
import { GOES_ON, IN_MAILBOX } from '../../src/mail/trail.ts'
import { certifierOf } from '../../src/mtqp/secret.ts'
import type { Clock } from '../../src/observe/clock.ts'
import { claimWith, put, to } from '../../src/spool/contract-fixtures.ts'
import { memorySpool } from '../../src/spool/memory.ts'
import type { Change, Fate, Spool } from '../../src/spool/spool.ts'

const SECRET = Buffer.from('0123456789abcdefghij')

/** Base64 of the secret of all mail in it. */
export const SECRET_TEXT = 'MDEyMzQ1Njc4OWFiY2RlZmdoaWo'

/**
 * A spool with mail that is tracked, each message named after what became of it, all at one time: `waits@a.test`,
 * `tried@a.test`, `fates@a.test`, and so on.
 */
export const trackedSpool = async (clock: Clock & { advance(ms: number): Promise<void> }): Promise<Spool> => {
  const spool = memorySpool({ clock })
  const at = clock.now()
  const trail = (name: string) => ({ name: `${name}@a.test`, proof: certifierOf(SECRET), until: at + 86_400_000 })
  /** When `settle` will be. */
  const soon = () => clock.now() + 60_000
  const said = (code: number, status: string, more: Partial<Diagnosis> = {}): Diagnosis => ({
    code,
    status,
    lines: ['Said'],
    by: 'smtp',
    remote: { name: 'mx.next.test', address: '192.0.2.7' },
    at: soon(),
    ...more,
  })
  const here = { by: 'local' } as const
  const settle = async (fates: Readonly<Record<string, readonly [Fate, ...string[]]>>, more: Change[] = []) => {
    await clock.advance(60_000)
    for (const claim of await claimWith(spool, clock as never)) {
      const changes = claim.recipients.flatMap(({ key, address }): Change[] => {
        const [fate, ...reported] = fates[address.local] ?? []
        if (!fate) return []
        const attempted = fate.is === 'expanded' ? {} : ({ attempted: true } as const)
        return [{ of: key, fate, ...attempted, ...(reported.length > 0 ? { reported } : {}) }]
      })
      await spool.settle(claim, { now: clock.now(), changes: [...changes, ...more] })
    }
  }
  const message = (name: string, ...recipients: Parameters<typeof to>[]) =>
    put(spool, clock as never, { trail: trail(name), recipients: recipients.map((one) => to(...one)) })

  await message(
    'fates',
    ['on@x', { params: { ORCPT: 'rfc822;On+2BX@there.test' } }],
    ['end@x'],
    ['box@x'],
    ['stored@x'],
    ['no@x'],
    ['list@x'],
  )
  await settle({
    on: [{ is: 'delivered', last: said(250, '2.6.0') }, GOES_ON],
    end: [{ is: 'delivered', last: said(250, '2.6.0', { remote: { name: '192.0.2.9', address: '192.0.2.9' } }) }],
    box: [{ is: 'delivered', last: { ...said(250, '2.0.0'), ...here } }],
    stored: [{ is: 'delivered', last: said(250, '2.1.9') }, IN_MAILBOX],
    no: [{ is: 'failed', last: said(550, '5.1.1') }],
    list: [{ is: 'expanded', last: said(250, '2.1.5', { by: 'us' }) }],
  })
  await message('alias', ['one@x', { params: { ORCPT: 'utf-8;\\x{FC}@there.test' } }])
  await settle({ one: [{ is: 'expanded', last: said(250, '2.1.5', { by: 'us' }) }] }, [
    { add: to('müller@y', { due: clock.now() + 7 * 86_400_000 }), parent: 0 },
  ])
  await message('twice', ['a@x'])
  await settle({ a: [{ is: 'delivered', last: said(250, '2.6.0') }, GOES_ON] })
  await message('twice', ['b@x'])
  await settle({ b: [{ is: 'failed', last: said(451, '4.4.7', { by: 'us' }) }] })
  await message('tried', ['slow@x'])
  await settle({ slow: [{ is: 'waiting', due: clock.now() + 7 * 86_400_000, last: said(451, '4.2.0') }] })
  await message('parked', ['p@x'])
  await settle({ p: [{ is: 'parked', why: 'Our fault', at: soon() }] })
  await message('waits', ['new@x', { due: clock.now() + 86_400_000 }])
  return spool
}
