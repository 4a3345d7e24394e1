import { Refusal, refuse, reply } from '../../src/mail/reply.ts'
import { Barred, type Extension, type OutboundRecipient, type Remedy } from '../../src/smtp/extension.ts'
import { flag, oneOf } from '../../src/smtp/param.ts'

const loud = { ...reply(250, '2.1.5', 'Taken'), bare: ['LOUD yes'] }

const upTo = async function* (text: string): AsyncGenerator<Uint8Array, void> {
  yield Buffer.from(text)
}

const hiding = (recipients: readonly OutboundRecipient[]): Remedy[] => [
  { do: 'sendAs', sender: null, of: recipients.flatMap(({ key, address }) => (address.local === 'secret' ? key : [])) },
]

/**
 * Extensions that exist nowhere else: between them they use every server facet and every return a facet has, so that a
 * core that stopped honouring one would fail a transcript.
 */
export const toys: Readonly<Record<string, () => Extension>> = {
  // A parameter with answers of its own, on offer only after the name `known`.
  'X-ANSWERS': () => ({
    keyword: 'X-ANSWERS',
    rfc: [],
    params: {
      MAIL: [
        {
          ...flag('XFLAG'),
          answers: { unavailable: reply(504, '5.5.4', 'No XFLAG now'), repeated: reply(501, '5.5.2', 'XFLAG again') },
        },
      ],
      RCPT: [oneOf('XWORD', ['RED', 'BLUE'])],
    },
    server: { offer: ({ greeting }) => (greeting?.name === 'known' ? ['a', 'b'] : undefined) },
  }),
  // Looks at names before it says to whom it is on offer.
  'X-GREETED': () => {
    const looked: string[] = []
    return {
      keyword: 'X-GREETED',
      rfc: [],
      server: {
        greeted: async ({ verb, name }, { greeting }) => void looked.push(`${verb}-${name}-${greeting?.name}`),
        offer: () => (looked.length > 1 ? looked : undefined),
      },
    }
  },
  // Another owner of one more word of the same parameter; needs the first one.
  'X-GREEN': () => ({
    keyword: 'X-GREEN',
    rfc: [],
    requires: ['X-ANSWERS'],
    params: { RCPT: [oneOf('XWORD', ['GREEN'])] },
    server: {},
  }),
  // Every hook with every kind of say.
  'X-HOOKS': () => ({
    keyword: 'X-HOOKS',
    rfc: [],
    params: {
      MAIL: [flag('XCHANGE'), flag('XVETO'), flag('XREPLY'), flag('XRESUME'), flag('XBINARY')],
      RCPT: [flag('XLINES'), flag('XNO')],
    },
    server: {
      onVerb(verb, args) {
        if (verb === 'NOOP' && args === 'veto') refuse(550, '5.7.1', 'No NOOP')
        return verb === 'NOOP' && args === 'answer' ? { reply: reply(250, '2.0.1', 'Answered by a hook') } : undefined
      },
      async onMail(_sender, params) {
        if ('XVETO' in params) return { reply: reply(451, '4.7.1', 'Vetoed') }
        if ('XREPLY' in params) return { reply: reply(250, '2.3.6', 'Said otherwise') }
        if ('XRESUME' in params) {
          const recipients = [{ address: { local: 'alice', domain: 'example.test' }, params: {} }]
          return { reply: reply(355, '', '9 octets are here'), resume: { recipients, body: upTo('A: resu\r\n') } }
        }
        return 'XCHANGE' in params ? { params: { XCHANGED: true } } : undefined
      },
      onRcpt(_recipient, transaction) {
        const { params } = _recipient
        if ('XNO' in params) refuse(550, '5.7.1', 'Not this one')
        if ('XLINES' in params) return { reply: reply(250, '2.1.5', 'First', 'Second') }
        return 'XCHANGED' in transaction.params ? { reply: reply(251, '2.1.5', 'MAIL was changed') } : undefined
      },
      async onBody(total, _transaction, _session, chunk) {
        if (Buffer.from(chunk).includes('veto-the-body'))
          throw new Refusal(reply(554, '5.7.1', `Seen before octet ${total + 1}`))
      },
      grammar: (params) => ({ binaryBody: 'XBINARY' in params, utf8: 'XBINARY' in params }),
      atEnd({ header, facts }, { recipients }) {
        const [say] = header.values('X-End')
        if (say === 'refuse')
          return { reply: reply(550, '5.6.0', `Refused at ${facts.octets > 0 ? 'the end' : 'nothing'}`) }
        if (say === 'refuse-last') {
          return { recipients: new Map([[recipients.length - 1, reply(550, '5.7.1', 'Not for this one')]]) }
        }
        if (say === 'umlaut') return { reply: reply(550, '5.6.0', 'Größer als <用户@例え.jp> es wünscht') }
        if (say === 'put-off-last') {
          return { recipients: new Map([[recipients.length - 1, reply(450, '4.7.1', 'Not now for this one')]]) }
        }
        return say === 'edit'
          ? { edits: [{ field: 'add', name: 'X-Added', value: 'yes' }], params: { XSTORED: true } }
          : undefined
      },
    },
  }),
  // One reply per recipient when MAIL says so, between two of its own.
  'X-BLOCK': () => ({
    keyword: 'X-BLOCK',
    rfc: [],
    params: { MAIL: [flag('XBLOCK')] },
    server: {
      closingReplies: {
        applies: ({ params }) => 'XBLOCK' in params,
        before: () => reply(353, '', 'One by one'),
        after: (outcomes) => reply(250, '2.6.0', `${outcomes.length} outcomes`),
      },
    },
  }),
  // Goes on from other sessions, and says how many have ended.
  'X-KEPT': () => {
    let ended = 0
    const to = (local: string) => ({ address: { local, domain: 'example.test' }, params: {} })
    return {
      keyword: 'X-KEPT',
      rfc: [],
      params: { MAIL: [flag('XSAID'), flag('XGONE'), flag('XNAME'), flag('XBIN')] },
      server: {
        offer: () => [`${ended}`],
        onMail(_sender, params, session) {
          const said = `${session.grammar(params).binaryBody ? 'binary' : 'text'} ${session.ahead ? 'ahead' : 'waiting'}`
          if ('XSAID' in params) {
            const outcomes = [reply(250, '2.6.0', 'Taken then'), reply(450, '4.2.0', 'Put off then')]
            return { reply: reply(355, '', said), resume: { recipients: [to('a'), to('b')], body: upTo(''), outcomes } }
          }
          if ('XGONE' in params) {
            return { reply: reply(355, '', said), resume: { recipients: [to('a'), to('nobody')], body: upTo('') } }
          }
          return { reply: reply(250, '2.1.0', said) }
        },
        atEnd: (_end, { params, resumed }) =>
          'XNAME' in params
            ? { completes: (refused) => ({ partial: { name: `${resumed} ${refused.size}` }, until: 1 }) }
            : undefined,
        ended: () => void ended++,
        grammar: (params) => ({ binaryBody: 'XBIN' in params }),
      },
    }
  },
  // On offer until it was made use of, and then answered in its own words.
  'X-ONCE': () => ({
    keyword: 'X-ONCE',
    rfc: [],
    server: {
      offer: ({ identity }) => (identity === undefined ? [] : undefined),
      verbs: {
        XONCE: {
          phases: ['greeted'],
          unavailable: reply(503, '5.5.1', 'Once was enough'),
          run(args, session) {
            session.identity = args
            return reply(250, '2.0.0', 'You are', args)
          },
        },
      },
    },
  }),
  // Verbs with every kind of answer.
  'X-VERBS': () => ({
    keyword: 'X-VERBS',
    rfc: [],
    server: {
      verbs: {
        XASK: {
          phases: ['greeted'],
          async run(_args, session) {
            session.identity = await session.ask(reply(334, '', 'Who?'), 100)
            return reply(235, '2.7.0', `You are ${session.identity}`)
          },
        },
        XWHO: {
          phases: ['connected', 'greeted'],
          run: (_args, { identity }) => reply(250, '2.0.0', identity ?? 'nobody'),
        },
        XHANGUP: {
          phases: ['greeted'],
          run: () => ({
            replies: [reply(250, '2.0.0', 'One'), reply(250, '2.0.0', 'Two')],
            after: { channel: 'close' },
          }),
        },
        XTURN: {
          phases: ['greeted'],
          alone: true,
          run: () => ({
            replies: [reply(250, '2.0.0', 'Turning')],
            after: {
              channel: 'handOver',
              async to(channel) {
                channel.write(`I heard ${await channel.line(100, 1000)}\r\n`)
                await channel.end(1000)
              },
            },
          }),
        },
        XAGAIN: {
          phases: ['greeted'],
          run: () => ({
            replies: [reply(220, '2.0.0', 'Again')],
            after: { channel: 'replace', with: async (channel) => channel, greet: true },
          }),
        },
        XSEND: {
          phases: ['greeted'],
          outOfPhase: () => reply(503, '5.5.1', 'XSEND comes first'),
          maxLine: 60,
          run: (args, session) => session.beginTransaction(args, 'XSEND'),
        },
        XFAULT: {
          phases: ['greeted', 'mail', 'rcpt'],
          run() {
            throw new Error('a fault in an extension')
          },
        },
      },
    },
  }),
  // Has a say though it is never on offer.
  'X-GUARD': () => ({
    keyword: 'X-GUARD',
    rfc: [],
    server: {
      offer: () => undefined,
      guard(verb, { identity }) {
        if (identity === undefined && ['MAIL', 'BDAT', 'XSEND'].includes(verb)) refuse(530, '5.7.0', 'Who are you?')
      },
    },
  }),
  // Says when mail is due, how urgent it is, and when to tell the sender; two of them are merged.
  'X-LATER': () => ({
    keyword: 'X-LATER',
    rfc: [],
    params: { MAIL: [flag('XLATER')] },
    server: {},
    queue: {
      schedule: ({ params }, accepted) =>
        'XLATER' in params
          ? {
              notBefore: accepted + 1000,
              priority: 2,
              milestones: [{ at: accepted + 2000, do: 'warn', status: '4.4.7' }],
            }
          : {},
    },
  }),
  'X-LATEST': () => ({
    keyword: 'X-LATEST',
    rfc: [],
    queue: {
      schedule: (_envelope, accepted) => ({
        notBefore: accepted + 500,
        priority: 4,
        milestones: [{ at: accepted + 3000, do: 'fail', status: '5.4.7' }],
      }),
    },
  }),
  // What a header field stands for.
  'X-HEADED': () => ({
    keyword: 'X-HEADED',
    rfc: [],
    params: { MAIL: [flag('XHEADED')], RCPT: [flag('XHEADED')] },
    server: {},
    queue: {
      fromHeader: (envelope, header) =>
        header.values('X-Headed').length === 0
          ? envelope
          : {
              ...envelope,
              params: { ...envelope.params, XHEADED: true },
              recipients: envelope.recipients.map((one) => ({ ...one, params: { ...one.params, XHEADED: true } })),
            },
      schedule: ({ params, recipients }) =>
        'XHEADED' in params && recipients.every((one) => 'XHEADED' in one.params) ? { priority: 1 } : {},
    },
  }),
  // Each recipient has a reverse-path of its own, made here or by the hop; who is secret hides it from hops.
  'X-OWN': () => ({
    keyword: 'X-OWN',
    rfc: [],
    params: { MAIL: [flag('XOWN', { endsHere: true })] },
    server: {},
    client: {
      makesSenders: () => true,
      adds: ({ envelope: { params, sender } }) => ('XOWN' in params && sender !== null ? { XOWN: true } : {}),
      with: (_mail, _hop, recipients) => hiding(recipients),
      without: (_mail, _hop, recipients) => [
        ...hiding(recipients),
        ...(recipients.every(({ address }) => address.domain === 'kept.test') ? [{ do: 'keepSenders' } as const] : []),
        {
          do: 'sendAs',
          sender: { local: 'shared', domain: 'here.test' },
          of: recipients.filter(({ address }) => address.local.startsWith('s')).map(({ key }) => key),
        },
      ],
    },
    queue: {
      sender: ({ address }, { sender, params }) =>
        'XOWN' in params && sender ? { ...sender, local: `${sender.local}.${address.local}` } : undefined,
    },
  }),
  // Hops have passwords, which some repeat; some have shut us out, and others will for a while.
  'X-KEY': () => ({
    keyword: 'X-KEY',
    rfc: [],
    client: {
      async offered(talk, args) {
        const said = await talk.command('KEY sesame', ['sesame'])
        if (args[0] === 'SHUT') throw new Barred(reply(450, '4.7.0', `It is shut: ${said.lines.join(' ')}`))
      },
      onReply: (verb, answer) =>
        answer.code === 530 ? { wait: reply(450, '4.7.0', `Another key is needed (${verb})`) } : undefined,
    },
  }),
  // Its sender may ask for the mail, here and where it goes on to.
  'X-TRAIL': () => ({
    keyword: 'X-TRAIL',
    rfc: [],
    params: { MAIL: [flag('XTRAIL')] },
    server: {},
    client: { notes: (_mail, params) => ('XTRAIL' in params ? ['followed'] : []) },
    queue: {
      trail: ({ params }, accepted) =>
        'XTRAIL' in params ? { name: 'me', proof: 'mine', until: accepted + 1000 } : undefined,
    },
  }),
  // The last word on how replies look, and a mark for the trace.
  'X-DRESS': () => ({
    keyword: 'X-DRESS',
    rfc: [],
    params: { MAIL: [flag('XMARK')] },
    server: {
      dress: (plain) => ({ ...plain, lines: plain.lines.map((line) => `<${line}>`) }),
      traceMark: (_session, params) => ('XMARK' in params ? { clause: 'marked' } : undefined),
    },
  }),
  // Hops tell in their replies to RCPT how loud each recipient wants its mail; some will not be asked.
  'X-LOUD': () => {
    const wishes = new Map<string, string>()
    return {
      keyword: 'X-LOUD',
      rfc: [],
      params: { MAIL: [flag('XLOUD')], RCPT: [flag('XHOW', { endsHere: true })] },
      server: { onRcpt: ({ params }) => ('XHOW' in params ? { reply: loud } : undefined) },
      client: {
        forRecipient: ({ address }, { envelope }) =>
          'XLOUD' in envelope.params && wishes.get(address.local) !== 'silent' ? { XHOW: true } : {},
        awaits: ['RCPT'],
        onReply(verb, answer, { asked }) {
          if (verb !== 'RCPT' || asked === undefined || wishes.has(asked.address.local)) return undefined
          const wish = /LOUD (\w+)/.exec(answer.lines.join(' '))?.[1]
          if (wish === undefined) return undefined
          wishes.set(asked.address.local, wish)
          return { learned: true }
        },
        async variants(mail) {
          const those = (wish: string) =>
            mail.recipients.filter(({ address }) => wishes.get(address.local) === wish).map(({ key }) => key)
          const text = Buffer.concat(await Array.fromAsync(mail.content()))
            .toString('latin1')
            .toUpperCase()
          const refuse = { reply: reply(550, '5.6.5', 'Not whispered'), next: 'never' as const }
          const body = { name: 'LOUD', facts: mail.facts, broken: [], content: () => upTo(text) }
          return [
            { of: those('yes'), body },
            { of: those('no'), refuse },
          ]
        },
      },
    }
  },
}
