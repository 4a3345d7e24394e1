import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { handTo } from './client.ts'
import { lacking } from './installed.ts'
import { leavesOf } from './leaves.ts'
import { mailWith, withoutTrace } from './maildir.ts'
import { plainMail, tryingMail } from './messages.ts'
import { pairForTests } from './pair.ts'
import { startPostfix } from './postfix.ts'

const PLAIN = 'smtpd_discard_ehlo_keywords = 8bitmime, chunking, dsn, enhancedstatuscodes, pipelining, size, starttls'

describe('Postfix without extensions', { skip: lacking(['postfix', 'python3'], true) }, () => {
  const { peer, smail, log } = pairForTests('plain.test', startPostfix, PLAIN)

  test('8-bit mail is sent in 7-bit clothes, by DATA, line for line', async () => {
    const body = tryingMail('eight')
    await handTo(smail().ports.clear, { to: ['bob@plain.test'], body, mail: ' BODY=8BITMIME' })
    const { sent } = withoutTrace(await mailWith(peer().maildir('bob'), 'Subject: eight', log))
    assert.match(sent.toString('latin1'), /^[\0-\x7f]*$/)
    assert.match(sent.toString(), /^Content-Transfer-Encoding: quoted-printable$/im)
    const [leaf] = leavesOf(sent)
    assert.deepEqual(leaf?.octets, body.subarray(body.indexOf('\r\n\r\n') + 4))
  })

  test('7-bit mail is sent octet by octet', async () => {
    const body = plainMail('seven')
    await handTo(smail().ports.clear, { to: ['bob@plain.test'], body, mail: ' BODY=8BITMIME' })
    assert.deepEqual(withoutTrace(await mailWith(peer().maildir('bob'), 'Subject: seven', log)).sent, body)
  })

  test('where nobody reports success, the sender is told how far the mail came', async () => {
    const from = 'bob@clear.test'
    const to = ['<carol@plain.test> NOTIFY=SUCCESS,FAILURE', '<bob@plain.test>']
    await handTo(smail().ports.clear, { from, to, body: plainMail('relayed') })
    const report = (await mailWith(smail().maildir('bob'), 'carol@plain.test', log)).toString()
    assert.match(report, /^Action: relayed$/m)
    assert.doesNotMatch(report, /bob@plain\.test/)
    await mailWith(peer().maildir('carol'), 'Subject: relayed', log)
  })
})
