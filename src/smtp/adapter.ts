import { tmpdir } from 'node:os'
import type { Filter } from '../mail/features/filter.ts'
import { ScratchFile } from '../mime/convert/scratch-file.ts'
import type { ContentConverter } from '../mime/forms/content-converter.ts'
import { type Tailored, tailor } from '../mime/forms/tailor.ts'
import type { Sendable } from './extension.ts'

export interface AdapterOptions {
  /** Our name, for Content-Previous. */
  readonly hostname: string
  /** In the order in which they are asked. */
  readonly converters: readonly ContentConverter[]
  /** A folder for files without a name. Absent: the system's temporary one. */
  readonly scratch?: string
}

/** Content in a form that its recipient takes, as its originator permits (RFC 4141). */
export const adapter =
  ({ hostname, converters, scratch: folder }: AdapterOptions) =>
  async (mail: Pick<Sendable, 'content' | 'defer' | 'now'>, capabilities: Filter): Promise<Tailored> => {
    const scratch = new ScratchFile(folder ?? tmpdir())
    mail.defer(() => scratch[Symbol.asyncDispose]())
    return tailor(() => mail.content(), capabilities, { by: hostname, now: mail.now, converters, scratch })
  }
