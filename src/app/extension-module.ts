import { z } from 'zod'
import { refuse, reply } from '../mail/reply.ts'
import type { Extension } from '../smtp/extension.ts'
import { flag, get, list, number, oneOf, toXtext, xtext } from '../smtp/param.ts'

/** An SMTP extension of one's own, as a module brings it. */
export interface ExtensionModule {
  /** Its block is `extensions.KEYWORD`, in lower case. Not one of Smail's own. */
  readonly keyword: string
  /** What may be set; absent: nothing. */
  readonly settings?: z.ZodType
  /** The extension by its settings: for each listener and transport, so it keeps no state of its own but in what it closes over. */
  make(settings: unknown): Extension
}

/** What a module is given, so that it need not find Smail's files: readers of parameters, replies, and zod for its settings. */
export interface ExtensionKit {
  readonly z: typeof z
  readonly refuse: typeof refuse
  readonly reply: typeof reply
  readonly get: typeof get
  readonly flag: typeof flag
  readonly number: typeof number
  readonly oneOf: typeof oneOf
  readonly list: typeof list
  readonly xtext: typeof xtext
  readonly toXtext: typeof toXtext
}

/** What a module exports under the name `extension`. */
export type MakeModule = (kit: ExtensionKit) => ExtensionModule

export const extensionKit: ExtensionKit = { z, refuse, reply, get, flag, number, oneOf, list, xtext, toXtext }
