import { startExim } from './exim.ts'
import { lacking } from './installed.ts'
import { relayingBothWays } from './relaying.ts'

relayingBothWays('Exim', { start: startExim, skip: lacking(['exim4'], true) }, () => {})
