import type { Extension, Param } from './extension.ts'

/** The extensions of one listener or transport, in the order in which they act. */
export interface Registry {
  readonly extensions: readonly Extension[]
  /** Owners of a verb's parameter by its name; several only where each owns other values. */
  owners(verb: string, name: string): readonly { readonly extension: Extension; readonly param: Param<unknown> }[]
}

/** The verbs of RFC 5321 without which there is no dialogue: no extension stands for them. */
const BASE: ReadonlySet<string> = new Set(['EHLO', 'HELO', 'LHLO', 'MAIL', 'RCPT', 'DATA', 'RSET', 'NOOP', 'QUIT'])

/** What keeps extensions from standing together; the message names them. */
export class Conflict extends Error {
  override readonly name = 'Conflict'
  readonly keywords: readonly string[]

  constructor(message: string, ...keywords: readonly (string | undefined)[]) {
    super(message)
    this.keywords = keywords.filter((one) => one !== undefined)
  }
}

/** Throws `Conflict` when two extensions want the same keyword, verb, parameter or value, or one lacks what it requires. */
export const createRegistry = (extensions: readonly Extension[]): Registry => {
  const keywords = new Map<string, Extension>()
  const verbs = new Map<string, string>()
  const params = new Map<string, { extension: Extension; param: Param<unknown> }[]>()
  for (const extension of extensions) {
    const { keyword } = extension
    if (!/^[A-Z0-9][A-Z0-9-]*$/.test(keyword))
      throw new Conflict(`${keyword} is no EHLO keyword (RFC 5321 4.1.1.1)`, keyword)
    if (keywords.has(keyword)) throw new Conflict(`${keyword} is there twice`, keyword)
    keywords.set(keyword, extension)
    for (const verb of Object.keys(extension.server?.verbs ?? {})) {
      if (BASE.has(verb)) throw new Conflict(`${keyword} brings the verb ${verb}, which is SMTP's own`, keyword)
      const other = verbs.get(verb)
      if (other !== undefined) throw new Conflict(`${keyword} and ${other} both bring the verb ${verb}`, keyword, other)
      verbs.set(verb, keyword)
    }
    for (const [verb, list] of Object.entries(extension.params ?? {})) {
      for (const param of list) {
        const owners = params.get(`${verb} ${param.name}`) ?? []
        for (const other of owners) {
          const shared = param.values?.find((value) => other.param.values?.includes(value))
          if (!param.values || !other.param.values || shared !== undefined) {
            const what = `${verb}'s ${param.name}${shared ? `=${shared}` : ''}`
            const { keyword: owner } = other.extension
            throw new Conflict(`${keyword} and ${owner} both own ${what}`, keyword, owner)
          }
        }
        params.set(`${verb} ${param.name}`, [...owners, { extension, param }])
      }
    }
  }
  for (const { keyword, requires = [] } of extensions) {
    const missing = requires.find((needed) => !keywords.has(needed))
    if (missing !== undefined) throw new Conflict(`${keyword} requires ${missing}, which is not configured`, keyword)
  }
  const dialects = extensions.filter(({ server }) => server?.greetsWith !== undefined).map(({ keyword }) => keyword)
  if (dialects.length > 1) throw new Conflict(`Two dialects in one registry: ${dialects.join(', ')}`, ...dialects)
  return { extensions, owners: (verb, name) => params.get(`${verb} ${name}`) ?? [] }
}
