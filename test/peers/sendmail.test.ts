import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lacking } from './installed.ts'
import { relayingBothWays } from './relaying.ts'
import { startSendmail } from './sendmail.ts'
import { SENDMAIL } from './sendmail-cf.ts'

// It breaks lines beyond 990 octets unless it is told not to.
const LONG_LINES = "define(`SMTP_MAILER_LL', `0')dnl"

relayingBothWays(
  'Sendmail',
  { start: (scene, options) => startSendmail(scene, { ...options, more: LONG_LINES }), skip: lacking(SENDMAIL, true) },
  ({ peer }) => {
    test('Sendmail and we tell each other that mail is 8-bit', () => {
      const log = peer().log()
      assert.match(log, /<<< MAIL FROM:<sender\d+@origin\.test> .*BODY=8BITMIME/)
      assert.match(log, />>> MAIL From:<sender\d+@origin\.test> .*BODY=8BITMIME/)
    })
  },
)
