import { formatAddress } from '../mail/address.ts'
import { type Checked, check, type Issue, type Path } from './check.ts'
import { crossCheck } from './cross-check.ts'
import { kindOf } from './kinds.ts'
import type { Machine } from './machine.ts'
import type { Places } from './place.ts'
import { type ExtensionSchemas, type ListenerSection, type Sections, sections } from './schema.ts'
import type { ExtensionBlocks, Settings } from './settings.ts'
import { hint } from './wording.ts'

/** What settings are read by, besides what is given. */
export interface Context {
  readonly machine: Machine
  readonly places: Places
  readonly extensions: ExtensionSchemas
  /** The text a value was written as, where it is not a text now. */
  readonly textAt?: (path: Path) => string | undefined
}

export type Parsed = { readonly settings: Settings } | { readonly issues: readonly Issue[] }

/** Settings as an object, as a program or a file gives them: all that is wrong at once, or all defaults filled in. */
export const parseSettings = (given: unknown, context: Context): Parsed => {
  if (given !== undefined && (typeof given !== 'object' || given === null || Array.isArray(given))) {
    return { issues: [{ path: [], message: 'is no map; expected settings, as in `hostname: mx.example.org`' }] }
  }
  const values = (given ?? {}) as Readonly<Record<string, unknown>>
  const schemas = sections(context.machine, context.places, context.extensions)
  const issues: Issue[] = []
  for (const key of Object.keys(values)) {
    if (!Object.hasOwn(schemas, key)) {
      issues.push({ path: [key], message: `is no setting${hint(key, Object.keys(schemas))}`, ofKey: true })
    }
  }
  const known: Record<string, unknown> = {}
  for (const [section, schema] of Object.entries(schemas)) {
    const checked: Checked<unknown> = check<unknown>(schema, values[section], [section], context.textAt)
    if ('value' in checked) known[section] = checked.value
    else issues.push(...checked.issues)
  }
  const found = known as Partial<Sections>
  const general = found.extensions ?? {}
  const extensions = extensionBlocks(general, ['extensions'], context, issues)
  const laidOver = (own: ExtensionBlocks, path: Path): ExtensionBlocks => ({
    ...extensions,
    ...extensionBlocks(own, path, { ...context, extensions: namedOf(own, context.extensions) }, issues, general),
  })
  const transports = found.transports?.map((one) =>
    'extensions' in one
      ? { ...one, extensions: laidOver(one.extensions, ['transports', one.name, one.driver, 'extensions']) }
      : one,
  )
  const listen = found.listen?.map((section) => ({
    section,
    extensions: laidOver(section.extensions, ['listen', section.name, 'extensions']),
  }))
  issues.push(...crossCheck(found, values))
  if (issues.length > 0) return { issues: issues }

  const complete = known as unknown as Sections
  const domains = complete.domains ?? [complete.hostname]
  return {
    settings: {
      ...complete,
      domains,
      postmaster: complete.postmaster ?? defaultPostmaster(domains, values['directors'] !== undefined, context.machine),
      extensions,
      transports: transports ?? [],
      listen: (listen ?? []).map((one) => listener(one.section, one.extensions, complete)),
    },
  }
}

const listener = (
  section: ListenerSection,
  extensions: ExtensionBlocks,
  all: Sections,
): Settings['listen'][number] => ({
  ...section,
  extensions,
  limits: { ...all.limits, ...section.limits },
  'bare-newlines': section['bare-newlines'] ?? all['bare-newlines'],
})

/** Without directors of one's own, whoever runs us is the only one sure to have a mailbox. */
const defaultPostmaster = (domains: readonly string[], ownDirectors: boolean, machine: Machine): string =>
  formatAddress({ local: ownDirectors ? 'postmaster' : machine.user, domain: domains[0] ?? '' })

const isMap = (given: unknown): given is Readonly<Record<string, unknown>> =>
  typeof given === 'object' && given !== null && !Array.isArray(given)

const namedOf = (own: ExtensionBlocks, schemas: ExtensionSchemas): ExtensionSchemas =>
  new Map([...schemas].filter(([keyword]) => own[keyword] !== undefined))

/** Each extension's block, laid over a general one, by the extension's own schema. Adds to the issues what is wrong. */
const extensionBlocks = (
  own: ExtensionBlocks,
  path: Path,
  { extensions, textAt }: Context,
  issues: Issue[],
  general: ExtensionBlocks = {},
): ExtensionBlocks => {
  const result: Record<string, unknown> = {}
  for (const [keyword, schema] of extensions) {
    const [block, below] = [own[keyword] ?? {}, general[keyword]]
    const unnamed = own[keyword] === undefined && kindOf(schema).offUnlessNamed
    if (block === 'off' || block === false || unnamed) {
      result[keyword] = 'off'
      continue
    }
    const whole = isMap(block) && isMap(below) ? { ...below, ...block } : block
    const checked = check(schema, whole, [...path, keyword], textAt)
    if ('value' in checked) result[keyword] = checked.value
    else issues.push(...checked.issues)
  }
  return result
}
