import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Refusal } from '../../src/mail/reply.ts'
import { readCommand, readPathAndWords } from '../../src/smtp/command.ts'
import { fromXtext, mailboxArgument, toXtext } from '../../src/smtp/param.ts'
import { randomFrom, runs } from './runs.ts'

const PIECES = [
  'MAIL',
  'mail',
  'RCPT',
  ' ',
  '  ',
  '\t',
  'FROM:',
  'TO:',
  'FROM: ',
  '<a@b>',
  '<>',
  '<',
  'SIZE=1',
  'SIZE',
  '=',
  'X=',
  '=X',
  'BODY=8BITMIME',
  '\r',
  '\n',
  '\0',
  '\x7f',
  '\xc3\xa9',
  '\xe9',
  '\xff',
  '-',
  'A-B',
  '1',
  '"',
  '\\',
  '>',
  '>X',
  'ORCPT=rfc822;a+2Bb',
  '\xed\xa0\x80',
  '\xf4\x90\x80\x80',
]

/** `undefined` for a Refusal; anything else thrown is a bug. */
const attempt = <T>(run: () => T): T | undefined => {
  try {
    return run()
  } catch (error) {
    if (error instanceof Refusal) return undefined
    throw error
  }
}

test('the command parser answers every line, and lets no control character and no broken UTF-8 through', () => {
  const random = randomFrom(821)
  let commands = 0
  let paths = 0
  for (let n = runs(40_000); n > 0; n--) {
    let line = ['', '', 'MAIL FROM:<a@b>', 'RCPT TO:<c@d> '][random(4)] ?? ''
    for (let parts = random(6); parts >= 0; parts--) line += PIECES[random(PIECES.length)]
    const command = attempt(() => readCommand(line))
    if (command === undefined) continue
    commands++
    assert.match(command.verb, /^[A-Z][A-Z0-9-]*$/)
    assert.doesNotMatch(command.args, /[\0-\x08\n-\x1f\x7f\ufffd]/)
    const label = random(2) === 0 ? 'FROM' : 'TO'
    const words = attempt(() => readPathAndWords(command.args, label))
    if (words === undefined) continue
    paths++
    for (const { name, text } of words.words) {
      assert.match(name, /^[A-Z0-9][A-Z0-9-]*$/)
      if (text !== true) assert.match(text, /^[^ ]+$/)
    }
  }
  assert.ok(commands > 1000 && paths > 100, `${commands} commands, ${paths} paths`)
})

test('xtext: what was written is read, and nothing that breaks a line is', () => {
  const random = randomFrom(3461)
  for (let n = runs(20_000); n > 0; n--) {
    let text = ''
    for (let parts = random(12); parts >= 0; parts--) text += String.fromCharCode(random(128))
    const printable = /^[ -~]+$/.test(text)
    assert.equal(fromXtext(toXtext(text)), printable ? text : undefined)
    const raw = fromXtext(text)
    if (raw !== undefined) assert.match(raw, /^[ -~]+$/)
    attempt(() => mailboxArgument(text))
  }
})
