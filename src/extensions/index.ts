export { eightBitMime } from './8bitmime.ts'
export { type AuthClient, type AuthEnd, type AuthServer, auth, type Login, type LoginEvent } from './auth.ts'
export { binaryMime } from './binarymime.ts'
export { type CheckpointLimits, type CheckpointNaming, checkpoint, type KeptPartials } from './checkpoint.ts'
export { chunking } from './chunking.ts'
export { type Adapt, type Capabilities, capabilitiesOf, conNeg, connegSettings } from './conneg.ts'
export { conPerm } from './conperm.ts'
export { type DeliverBySettings, deliverBy } from './deliverby.ts'
export { dsn, type SenderProof, type SuccessGrants } from './dsn.ts'
export { enhancedStatusCodes } from './enhancedstatuscodes.ts'
export { type Expand, expn } from './expn.ts'
export { type FutureReleaseServices, futureRelease } from './futurerelease.ts'
export { help } from './help.ts'
export { limits } from './limits.ts'
export { lmtp } from './lmtp.ts'
export {
  mtPriority,
  type PriorityLevel,
  type PrioritySettings,
  priorityDefaults,
  priorityPolicies,
} from './mt-priority.ts'
export { type MtrkSettings, mtrk } from './mtrk.ts'
export { type MailboxOf, noSoliciting, noSolicitingSettings, type Unwanted } from './no-soliciting.ts'
export { pipelining } from './pipelining.ts'
export { prdr } from './prdr.ts'
export { requireTls, requireTlsSettings } from './requiretls.ts'
export { type Ownership, rrvs } from './rrvs.ts'
export { type Room, size } from './size.ts'
export { smtpUtf8 } from './smtputf8.ts'
export { startTls, type Tls, type TlsDemand } from './starttls.ts'
export { type MaySubmit, submitter } from './submitter.ts'
export { type Verify, vrfy } from './vrfy.ts'
export { type XverpSettings, xverp } from './xverp.ts'
