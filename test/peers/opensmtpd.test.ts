import { lacking } from './installed.ts'
import { startOpenSmtpd } from './opensmtpd.ts'
import { relayingBothWays } from './relaying.ts'

// With OpenSSL 3 version 6.8 offers STARTTLS and then fails in the handshake.
relayingBothWays(
  'OpenSMTPD',
  { start: startOpenSmtpd, skip: lacking(['smtpd'], true), failsAsTlsServer: true },
  () => {},
)
