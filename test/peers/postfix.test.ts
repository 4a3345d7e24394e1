import assert from 'node:assert/strict'
import { test } from 'node:test'
import { handTo } from './client.ts'
import { lacking } from './installed.ts'
import { mailWith } from './maildir.ts'
import { plainMail } from './messages.ts'
import { startPostfix } from './postfix.ts'
import { relayingBothWays } from './relaying.ts'
import { until } from './until.ts'

const skip = lacking(['postfix'], true)

relayingBothWays('Postfix', { start: startPostfix, skip, takesChunks: true }, ({ peer, smail, log }) => {
  test('Postfix was sent mail by BDAT and by DATA', async () => {
    const wanted = [/ehlo=2 starttls=1 mail=\d+ rcpt=\d+ bdat=\d+/, /ehlo=1 mail=\d+ rcpt=\d+ data=\d+/]
    // It is logged when the connection ends.
    await until(() => wanted.every((one) => one.test(peer().log())) || undefined, log)
  })

  test('Postfix is told which reports are wanted, and makes them', async () => {
    await handTo(smail().ports.tls, {
      from: 'alice@clear.test',
      mail: ' RET=HDRS ENVID=envelope+2B1',
      to: ['<bob@postfix.test> NOTIFY=SUCCESS ORCPT=rfc822;robert@elsewhere.test', '<nobody@postfix.test>'],
      body: plainMail('notify'),
    })
    const delivered = (await mailWith(smail().maildir('alice'), 'Action: delivered', log)).toString()
    assert.match(delivered, /^Reporting-MTA: dns; ?mx\.postfix\.test$/im)
    assert.match(delivered, /^Original-Envelope-Id: envelope\+1$/im)
    assert.match(delivered, /^Original-Recipient: rfc822; ?robert@elsewhere\.test$/im)
    const failed = (await mailWith(smail().maildir('alice'), 'Action: failed', log)).toString()
    assert.match(failed, /^Reporting-MTA: dns; ?mx\.clear\.test$/im)
    assert.match(failed, /^Final-Recipient: rfc822; ?nobody@postfix\.test$/im)
    assert.doesNotMatch(failed, /bob@postfix\.test/)
  })

  test('Postfix sends its reports to us', async () => {
    await handTo(peer().port, {
      from: 'alice@clear.test',
      to: ['<carol@postfix.test> NOTIFY=SUCCESS'],
      body: plainMail('report'),
    })
    const report = (await mailWith(smail().maildir('alice'), 'carol@postfix.test', log)).toString()
    assert.match(report, /^Return-Path: <>$/m)
    assert.match(report, /^Action: delivered$/m)
  })
})
