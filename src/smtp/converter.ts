import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { type Reply, reply } from '../mail/reply.ts'
import { asciiReport } from '../mime/ascii-report.ts'
import { converted } from '../mime/convert/converted.ts'
import { planConversion } from '../mime/convert/plan.ts'
import type { ConversionRules } from '../mime/convert/rules.ts'
import { ScratchFile } from '../mime/convert/scratch-file.ts'
import type { Scratch } from '../mime/convert/tape.ts'
import type { ConversionTarget } from './extension.ts'
import { type Convert, type Convertible, TEXT_LINE } from './relay-mail.ts'

/** What may be done to mail beyond what changes no meaning. */
export interface ConverterOptions {
  /** Where something signed or encrypted would have to change: the mail is given up, or its signature broken. */
  readonly signed: 'bounce' | 'convert'
  /** Whose UTF-8 in header fields is encoded where they must be ASCII: nobody's, or that of mail submitted to us (an MSA). */
  readonly downgrade: 'never' | 'msa'
  /** Makes room outside memory, which messages of millions of parts take. Absent: files in the system's temporary folder. */
  readonly scratch?: () => Scratch & AsyncDisposable
  /** As `PlanOptions.inMemory`. */
  readonly inMemory?: number
}

/** Converts MIME part by part (RFC 6152 section 3, RFC 3030 section 3), in two passes over the mail, in little memory. */
export const converter =
  (options: ConverterOptions): Convert =>
  async (target, mail, scope) => {
    const scratch = options.scratch?.() ?? new ScratchFile(tmpdir())
    scope.defer(async () => scratch[Symbol.asyncDispose]())
    const room = { scratch, ...(options.inMemory === undefined ? {} : { inMemory: options.inMemory }) }
    const content = () =>
      mail.origin === 'report' && target.header === 'ascii' ? asciiReport(mail.content()) : mail.content()
    const plan = await planConversion(content(), rulesFor(target, mail, options), room).catch(withoutRoom)
    if ('code' in plan) return plan
    if ('status' in plan) return reply(554, plan.status, plan.why)
    const { facts, broken, headers, unsealed } = plan
    const done = { ...(headers ? { headers } : {}), ...(unsealed ? { unsealed } : {}) }
    return { facts, broken, ...done, content: () => converted(content(), plan) }
  }

const NO_ROOM = reply(452, '4.3.1', 'There is no room for that at present')

/** What passes by itself is no fault of ours, which would be tried a few times only. */
export const withoutRoom = (error: unknown): Reply => {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EMFILE' || code === 'ENFILE') return NO_ROOM
  throw error
}

/**
 * A report of ours must not be lost for the sake of what it returns: its reader wants to know what happened, not to verify
 * a signature in it. No conversion leaves a message binary; 8bit satisfies who would take that.
 */
const rulesFor = (
  { encoding, maxLine, header }: ConversionTarget,
  { origin }: Pick<Convertible, 'origin'>,
  { signed, downgrade }: ConverterOptions,
): ConversionRules => ({
  encoding: encoding === 'binary' ? '8bit' : encoding,
  maxLine,
  header,
  signed: origin === 'report' ? 'convert' : signed,
  utf8Headers: origin === 'report' || (origin === 'submitted' && downgrade === 'msa') ? 'encode' : 'refuse',
})

/** The least that any hop takes. */
const PLAINEST: ConversionTarget = { encoding: '7bit', maxLine: TEXT_LINE, header: 'ascii' }

/**
 * Whether a report with this message in it can be converted for every hop, now that it is written: what cannot would be
 * lost with the report.
 */
export const fitsReport = async (content: AsyncIterable<Uint8Array>): Promise<boolean> => {
  const rules = rulesFor(PLAINEST, { origin: 'report' }, { signed: 'convert', downgrade: 'never' })
  return !('status' in (await planConversion(asReturned(content), rules)))
}

/** As deep inside as it will be (RFC 6522 section 3). Nobody knows the boundary. */
async function* asReturned(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const boundary = `=_${randomBytes(18).toString('base64url')}`
  yield Buffer.from(
    `Content-Type: multipart/report; boundary="${boundary}"\r\n\r\n--${boundary}\r\nContent-Type: message/rfc822\r\n\r\n`,
  )
  yield* content
  yield Buffer.from(`\r\n--${boundary}--\r\n`)
}
