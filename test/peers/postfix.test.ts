import { lacking } from './installed.ts'
import { startPostfix } from './postfix.ts'
import { relayingBothWays } from './relaying.ts'

relayingBothWays('Postfix', { start: startPostfix, skip: lacking(['postfix'], true) }, () => {})
