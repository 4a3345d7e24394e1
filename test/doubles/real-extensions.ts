import * as extensions from '../../src/extensions/index.ts'
import type { Extension } from '../../src/smtp/extension.ts'
import { MemoryPartials } from '../../src/spool/memory-partials.ts'
import { authClient } from './auth-client.ts'
import { authServer } from './auth-sides.ts'
import { checkpointSides } from './checkpoint-sides.ts'
import { holding, provingNames, ranking } from './dialogues.ts'

/** Every extension that is listed, made with whatever will do. */
export const real: readonly Extension[] = [
  extensions.pipelining(),
  extensions.auth(authServer(), authClient()),
  extensions.size(1000),
  extensions.limits(),
  extensions.requireTls(),
  extensions.eightBitMime(),
  extensions.smtpUtf8(),
  extensions.enhancedStatusCodes(),
  extensions.chunking(),
  extensions.binaryMime(),
  extensions.startTls({ asServer: async (c) => c, asClient: async (c) => c }),
  extensions.dsn(provingNames()),
  extensions.submitter(),
  extensions.rrvs(async () => 'elsewhere'),
  extensions.deliverBy(),
  extensions.futureRelease(holding()),
  extensions.mtPriority(...ranking()),
  extensions.noSoliciting({ refuse: ['net.example:ADV'], recipients: {} }),
  extensions.prdr(),
  extensions.xverp({ delimiters: '+=', pass: true }, () => true),
  extensions.mtrk({ timeout: 1, longest: 1 }),
  extensions.checkpoint(checkpointSides(new MemoryPartials(() => {}))),
  extensions.conPerm(),
  extensions.conNeg(
    async () => undefined,
    async () => ({ is: 'asIs' }),
  ),
  extensions.help(),
  extensions.expn(
    async () => undefined,
    () => true,
  ),
  extensions.vrfy(
    async () => 'known',
    () => true,
  ),
  extensions.lmtp(),
]
