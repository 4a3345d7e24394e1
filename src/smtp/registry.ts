import type { Extension, Param } from './extension.ts'

/** The extensions of one listener or transport, in the order in which they act. */
export interface Registry {
  readonly extensions: readonly Extension[]
  /** Owners of a verb's parameter by its name; several only where each owns other values. */
  owners(verb: string, name: string): readonly { readonly extension: Extension; readonly param: Param<unknown> }[]
}

/** The verbs of RFC 5321 without which there is no dialogue: no extension stands for them. */
const BASE: ReadonlySet<string> = new Set(['EHLO', 'HELO', 'LHLO', 'MAIL', 'RCPT', 'DATA', 'RSET', 'NOOP', 'QUIT'])

/** Throws an Error that names both sides when two extensions want the same keyword, verb, parameter or value, or one lacks what it requires. */
export const createRegistry = (extensions: readonly Extension[]): Registry => {
  const keywords = new Map<string, Extension>()
  const verbs = new Map<string, string>()
  const params = new Map<string, { extension: Extension; param: Param<unknown> }[]>()
  for (const extension of extensions) {
    const { keyword } = extension
    if (!/^[A-Z0-9][A-Z0-9-]*$/.test(keyword)) throw new Error(`${keyword} is no EHLO keyword (RFC 5321 4.1.1.1)`)
    if (keywords.has(keyword)) throw new Error(`${keyword} is there twice`)
    keywords.set(keyword, extension)
    for (const verb of Object.keys(extension.server?.verbs ?? {})) {
      if (BASE.has(verb)) throw new Error(`${keyword} brings the verb ${verb}, which is SMTP's own`)
      if (verbs.has(verb)) throw new Error(`${keyword} and ${verbs.get(verb)} both bring the verb ${verb}`)
      verbs.set(verb, keyword)
    }
    for (const [verb, list] of Object.entries(extension.params ?? {})) {
      for (const param of list) {
        const owners = params.get(`${verb} ${param.name}`) ?? []
        for (const other of owners) {
          const shared = param.values?.find((value) => other.param.values?.includes(value))
          if (!param.values || !other.param.values || shared !== undefined) {
            throw new Error(
              `${keyword} and ${other.extension.keyword} both own ${verb}'s ${param.name}${shared ? `=${shared}` : ''}`,
            )
          }
        }
        params.set(`${verb} ${param.name}`, [...owners, { extension, param }])
      }
    }
  }
  for (const { keyword, requires = [] } of extensions) {
    const missing = requires.find((needed) => !keywords.has(needed))
    if (missing !== undefined) throw new Error(`${keyword} requires ${missing}, which is not configured`)
  }
  if (extensions.filter((e) => e.server?.greetsWith !== undefined).length > 1)
    throw new Error('Two dialects in one registry')
  return { extensions, owners: (verb, name) => params.get(`${verb} ${name}`) ?? [] }
}
