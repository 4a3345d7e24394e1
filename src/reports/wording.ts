import type { Address } from '../mail/address.ts'
import type { Diagnosis } from '../mail/diagnosis.ts'
import type { Instant } from '../mail/instant.ts'
import { rfc5322Date } from '../mime/date.ts'
import type { ReportEvent, ReportedRecipient } from '../smtp/extension.ts'
import { answerLines, printable, shown } from './plain.ts'
import { diagnostic, statusOf } from './status-part.ts'

/** What the text of a report is story. */
export interface Story {
  readonly hostname: string
  readonly id: string
  readonly accepted: Instant
  readonly postmaster: Address
  /** The message's own. */
  readonly subject: string | undefined
  readonly recipients: readonly ReportedRecipient[]
  readonly returned: 'message' | 'header'
  readonly retryUntil: Instant | undefined
  /** The mail has no sender to be told, so postmaster is. */
  readonly orphan: boolean
}

/** People are told in this order. */
const ORDER: readonly ReportEvent[] = ['failed', 'delayed', 'relayed', 'expanded', 'delivered']

const TITLES: Readonly<Record<ReportEvent, string>> = {
  failed: 'Mail not delivered',
  delayed: 'Mail delayed',
  relayed: 'Mail passed on',
  expanded: 'Mail passed on to several',
  delivered: 'Mail delivered',
}

const HAPPENED: Readonly<Record<ReportEvent, string>> = {
  failed: 'could not be delivered to the following, and no further attempt will be made:',
  delayed: 'has not been delivered yet to the following:',
  relayed: 'was passed on for the following to the next mail system, and no more of it will be told from here:',
  expanded: 'was passed on for the following to all addresses behind it; should one of them fail, you may hear of it:',
  delivered: 'was delivered to the following:',
}

/** What a sender can do, by the subject and detail of a status (RFC 3463), and by what we said ourselves. */
const ADVICE: readonly (readonly [status: RegExp, advice: string, said?: RegExp])[] = [
  [/\.1\.[78]$/, 'Your own address was refused. Check how it is set in your mail program.'],
  [/\.1\.10$/, 'This domain takes no mail at all. Check the part of the address after the @.'],
  [/\.1\.2$/, 'Check the part of the address after the @: no such domain was found.'],
  [/\.1\.\d+$/, 'Check the address for mistyped characters, or ask the recipient for the right one in another way.'],
  [/\.2\.2$/, 'The mailbox is full. Send the message again later, or reach the recipient in another way.'],
  [
    /\.3\.4$/,
    'The receiving mail system does not take the message as it is, and what it would take is larger. Send less at once, or share large files in another way.',
    /once it is converted/,
  ],
  [/\.3\.3$/, 'The next mail system cannot do what was asked for with the message. Send it without asking for that.'],
  [/\.(?:2\.3|3\.4)$/, 'The message is too large. Send less at once, or share large files in another way.'],
  [/\.2\.\d+$/, 'The mailbox takes no mail at present. Reach the recipient in another way.'],
  [
    /\.4\.6$/,
    'The mail goes in circles. The people who run these mail systems have to mend that: show them this report.',
  ],
  [/\.[34]\.\d+$/, 'The receiving mail system was out of order or out of reach. Send the message again later.'],
  [
    /\.6\.3$/,
    'The message is signed or encrypted in a form that the receiving mail system does not take, and any other form would break that. Send it without, or set your mail program to sign and encrypt plain ASCII only (quoted-printable or base64).',
    /signed or encrypted/,
  ],
  [
    /\.6\.3$/,
    'The message, or the mail program that wrote it, asks that nothing is made of its content but what it permits (CONPERM), and the receiving mail system does not know that request. Send it without the request, in a form that anybody can read, such as plain text.',
    /\(CONPERM\)/,
  ],
  [
    /\.6\.5$/,
    'The recipient takes some forms of content only, and the message could not be given one of them by what it permits (its header fields Content-Convert). Send it in another form, such as plain text, permit more, or send it without asking that these limits be kept (CONPERM).',
  ],
  [
    /\.6\.3$/,
    'The receiving mail system does not take the message in this form, and it cannot be given another one without loss. Send plainer text, or put what you have to send into a file, such as a ZIP archive, and attach that.',
    /./,
  ],
  [
    /\.6\.7$/,
    'An address has letters beyond ASCII, such as accented ones, and the receiving mail system does not take such addresses. Use one in plain ASCII: yours may have such a form, and the recipient may too.',
  ],
  [
    /\.6\.9$/,
    'An address in the header of the message (From, To and the like) has letters beyond ASCII, and the receiving mail system does not take such addresses. Use one in plain ASCII: yours may have such a form, and others may too.',
    /An address in the header/,
  ],
  [
    /\.6\.9$/,
    'The message is plain, but a mail system on its way has written an address or a name with letters beyond ASCII into its header, and the receiving mail system does not take that. Use addresses in plain ASCII, your own and those you write to: some have such a form.',
    /field Received$/,
  ],
  [
    /\.6\.9$/,
    'The header of the message (its subject, a name, the name of a file) has letters beyond ASCII as they are, and the receiving mail system does not take that. Write those in plain ASCII, or set your mail program to encode them, as most do unless they are told to send UTF-8 in headers.',
  ],
  [
    /\.6\.\d+$/,
    'The receiving mail system cannot take a message of this kind. Try plainer text, or other attachments.',
  ],
  [
    /\.7\.(?:10|30)$/,
    'The message may travel under TLS only, and that was not to be had all the way. Send it without that demand, or in another way.',
  ],
  [
    /\.7\.17$/,
    'The address belongs to somebody else than it did when the sender last knew. Ask the recipient in another way for the address of today.',
  ],
  [
    /\.7\.18$/,
    'The part of the address after the @ belongs to somebody else than it did when the sender last knew. Ask the recipient in another way for the address of today.',
  ],
  [
    /\.7\.19$/,
    'The message is only for whoever had the address at a certain time, and whether that is still the same person could not be found out. Reach the recipient in another way, or send the message again without that demand (RRVS) if anybody who has the address may read it.',
  ],
  [
    /\.7\.1$/,
    'The message says of itself what kind of solicitation it is (its header field Solicitation), and mail of that kind is not wanted there. Do not send such mail to this recipient.',
    /SOLICIT=/,
  ],
  [
    /\.7\.\d+$/,
    'The message was refused by a rule of the receiving system. Its administrators can tell you more: quote the answer above.',
  ],
]

const OTHERWISE =
  'If you do not understand the answer, ask the recipient in another way, or those who run your mail: quote it.'

/** How many people are named with what was said of each; the second part of the report has them all. */
const MOST = 100

/** For the report's own subject, the message's put behind. */
export const title = ({ recipients, subject, orphan }: Story): string => {
  const worst = ORDER.find((event) => recipients.some((one) => one.event === event)) ?? 'failed'
  const said = orphan ? 'Undeliverable mail without a sender' : TITLES[worst]
  return subject === undefined ? said : `${said}: ${subject}`
}

/** The first part of a report: what happened, to whom, why, and what to do. Lines end with CRLF; may go beyond ASCII. */
export const explanation = (story: Story): string => {
  const groups = ORDER.map((event) => story.recipients.filter((one) => one.event === event)).filter(
    (group) => group.length > 0,
  )
  const paragraphs = [
    wrap(`This is the mail system at ${story.hostname}.`),
    ...(story.orphan ? [wrap(ORPHAN)] : []),
    ...groups.flatMap((group) => outcome(group, story)),
    story.returned === 'message'
      ? wrap('Attached are the facts, for mail programs to read, and the message.')
      : wrap('Attached are the facts, for mail programs to read, and the header of the message.'),
    [
      ...wrap(`If you need help, write to ${shown(postmasterOf(story))} and quote:`),
      `    Queue id: ${story.id}`,
      `    Accepted: ${rfc5322Date(story.accepted)}`,
      ...(story.subject === undefined ? [] : wrap(`Subject: ${story.subject}`, '    ')),
    ],
  ]
  return `${paragraphs.map((lines) => lines.join('\r\n')).join('\r\n\r\n')}\r\n`
}

const ORPHAN =
  'You get this as postmaster: the message is a report itself or was sent without a return address, so there is nobody else to tell.'

const postmasterOf = ({ postmaster, hostname }: Story): Address =>
  postmaster.domain === '' ? { ...postmaster, domain: hostname } : postmaster

const outcome = (group: readonly ReportedRecipient[], story: Story): readonly (readonly string[])[] => {
  const event = group[0]?.event ?? 'failed'
  // Recipients of whom the same was said stand together.
  const reasons = Map.groupBy(group.slice(0, MOST), (one) => [...why(one.last), statusOf(event, one.last)].join('\r\n'))
  const told = [...reasons.values()].map((same) => [
    ...same.flatMap(whom),
    ...same.slice(0, 1).flatMap(({ last }) => [...why(last), ...(event === 'failed' ? advice(event, last) : [])]),
  ])
  const left = group.length - MOST
  return [
    wrap(`${story.orphan ? 'A message' : 'Your message'} ${HAPPENED[event]}`),
    ...told,
    ...(left > 0 ? [wrap(`and to ${left} more, who are named in the second part of this report.`)] : []),
    ...(event === 'delayed' ? [wrap(patience(story.retryUntil))] : []),
  ]
}

const whom = ({ address, accepted }: ReportedRecipient): readonly string[] => [
  `  <${shown(address)}>`,
  ...(accepted ? [`    by way of <${shown(accepted)}>`] : []),
]

const patience = (until: Instant | undefined): string =>
  `You need do nothing. Delivery is attempted again${until === undefined ? '' : `, until ${rfc5322Date(until)}`}; if it fails for good, you will be told.`

const why = (last: Diagnosis): readonly string[] => {
  if (last.by !== 'smtp') return answerLines(last).flatMap((line) => wrap(line, '    '))
  const { name = 'The next mail system', address } = last.remote ?? {}
  const who =
    address === undefined || address === ''
      ? printable(name, 255)
      : `${printable(name, 255)} [${printable(address, 60)}]`
  return [...wrap(`${who} said${step(last.phase)}:`, '    '), ...wrap(diagnostic(last), '      ')]
}

const step = (phase: string | undefined): string => {
  if (phase === undefined) return ''
  if (phase === 'body') return ' in reply to the message'
  return /^[A-Z]+$/.test(phase) ? ` in reply to ${printable(phase, 20)}` : ` at the step ${printable(phase, 40)}`
}

const advice = (event: ReportEvent, last: Diagnosis): readonly string[] => {
  const status = statusOf(event, last)
  const said = last.by === 'smtp' ? '' : last.lines.join(' ')
  const found = ADVICE.find(([pattern, , ours]) => pattern.test(status) && (ours === undefined || ours.test(said)))
  return wrap(found?.[1] ?? OTHERWISE, '    ')
}

const wrap = (text: string, indent = ''): string[] => {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && indent.length + line.length + 1 + word.length > 76) {
      lines.push(indent + line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, indent + line]
}
