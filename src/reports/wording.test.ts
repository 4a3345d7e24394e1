import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Diagnosis } from '../mail/diagnosis.ts'
import { mail } from '../transports/contract-mail.ts'
import { statusPart } from './status-part.ts'
import { explanation } from './wording.ts'

const AT = 1_767_225_600_000
const word = (code: number, status: string, line: string, by: Diagnosis['by'] = 'us'): Diagnosis => ({
  code,
  status,
  lines: [line],
  by,
  phase: 'MAIL',
  at: AT,
})
const about = (last: Diagnosis, event: 'failed' | 'delivered' = 'failed') =>
  ({ address: { local: 'b', domain: 'there.test' }, params: {}, event, last }) as const

const told = (last: Diagnosis): string =>
  explanation({
    hostname: 'mx.test',
    id: 'ID1',
    accepted: AT,
    postmaster: { local: 'postmaster', domain: '' },
    subject: undefined,
    recipients: [about(last)],
    returned: 'message',
    retryUntil: undefined,
    orphan: false,
  }).replace(/\r\n +/g, ' ')

for (const [what, last, advice] of [
  [
    'something signed would have to change',
    word(554, '5.6.3', 'mx does not take it: Something signed or encrypted would have to be changed for NUL'),
    /The message is signed or encrypted in a form .* plain ASCII only/,
  ],
  [
    'it cannot be converted',
    word(554, '5.6.3', 'mx does not take it: A body in x-uuencode with octets above 127'),
    /cannot be given another one without loss\. .* a ZIP archive/,
  ],
  [
    'an address is not ASCII',
    word(553, '5.6.7', 'The next host does not take internationalized addresses'),
    /An address has letters beyond ASCII.* Use one in plain ASCII/,
  ],
  [
    'an address in the header is not ASCII',
    word(554, '5.6.9', 'An address in the header is not ASCII'),
    /An address in the header .* has letters beyond ASCII.* Use one in plain ASCII/,
  ],
  [
    'a header field is not ASCII',
    word(554, '5.6.9', 'UTF-8 in the header, field Subject'),
    /The header of the message .* has letters beyond ASCII.* set your mail program to encode them/,
  ],
  [
    'the trace alone is not ASCII',
    word(554, '5.6.9', 'mx does not take the message as it is: UTF-8 in the header, field Received'),
    /a mail system on its way has written .* Use addresses in plain ASCII/,
  ],
  [
    'the next host does not keep to what its sender permits',
    word(554, '5.6.3', 'What may be made of its content is restricted (CONPERM), and mx does not know of that'),
    /asks that nothing is made of its content but what it permits .* Send it without the request, .* plain text/,
  ],
  [
    'the recipient takes other forms than its sender permits',
    word(554, '5.6.5', 'It cannot be given a form that its recipient takes (NONE)'),
    /Send it in another form, such as plain text, permit more/,
  ],
  [
    'the mailbox has another owner',
    word(550, '5.7.17', 'Mailbox owner has changed', 'smtp'),
    /The address belongs to somebody else .* Ask the recipient in another way/,
  ],
  [
    'the domain has another owner',
    word(550, '5.7.18', 'Domain owner has changed', 'smtp'),
    /The part of the address after the @ belongs to somebody else/,
  ],
  [
    'nobody knows since when the mailbox has its owner',
    word(550, '5.7.19', 'mx cannot tell whether the mailbox has changed hands'),
    /could not be found out\. .* send the message again without that demand \(RRVS\)/,
  ],
  [
    'mail of its kind is not wanted',
    word(550, '5.7.1', '<b@there.test> This is not wanted here: SOLICIT=com.example:ADV'),
    /Do not send such mail to this recipient/,
  ],
  ['a rule is against it', word(550, '5.7.1', 'No'), /refused by a rule of the receiving system/],
  [
    'it has become too large',
    word(552, '5.3.4', 'mx takes at most 10 octets, and the message has 11 once it is converted'),
    /what it would take is larger/,
  ],
  ['it is too large', word(552, '5.3.4', 'mx takes at most 10 octets'), /The message is too large\./],
  [
    'another system did not want to convert it',
    word(554, '5.6.3', 'Conversion required but not supported', 'smtp'),
    /cannot take a message of this kind/,
  ],
] as const) {
  test(`a sender is told what can be done: ${what}`, () => {
    assert.match(told(last), advice)
  })
}

test('programs are told the reason of our own decisions, too (RFC 3464 2.3.6)', () => {
  const part = (last: Diagnosis, event?: 'delivered') =>
    statusPart(mail(['x']), [about(last, event)], 'mx.test', [], undefined)
  assert.match(
    part(word(554, '5.6.9', 'UTF-8 in the header, field Subject')),
    /\r\nDiagnostic-Code: x-smail; 5\.6\.9 UTF-8 in the header, field Subject\r\n/,
  )
  assert.match(part(word(550, '5.1.1', 'No', 'smtp')), /\r\nDiagnostic-Code: smtp; 550 5\.1\.1 No\r\n/)
  assert.doesNotMatch(part(word(250, '2.0.0', 'Delivered', 'local'), 'delivered'), /Diagnostic-Code/)
})
