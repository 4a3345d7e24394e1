import { lacking } from './installed.ts'
import { notifyingBothWays } from './notifying.ts'
import { startPostfix } from './postfix.ts'
import { startSendmail } from './sendmail.ts'
import { SENDMAIL } from './sendmail-cf.ts'

notifyingBothWays('Postfix', {
  start: startPostfix,
  skip: lacking(['postfix'], true),
  without: 'smtpd_discard_ehlo_keywords = dsn',
})

notifyingBothWays('Sendmail', {
  start: startSendmail,
  skip: lacking(SENDMAIL, true),
  without: "define(`confPRIVACY_FLAGS', `noreceipts')dnl",
})
