import { formatAddress } from '../mail/address.ts'
import type { Issue, Path, TextAt } from './check.ts'
import { crossCheck } from './cross-check.ts'
import type { Machine } from './machine.ts'
import type { Places } from './place.ts'
import { isMap, Reading } from './reading.ts'
import { type ExtensionSchemas, type ListenerSection, type Sections, sections } from './schema.ts'
import type { ExtensionBlocks, Settings } from './settings.ts'
import { hint } from './wording.ts'

/** What settings are read by, besides what is given. */
export interface Context {
  readonly machine: Machine
  readonly places: Places
  readonly extensions: ExtensionSchemas
  /** There may be more of these, of which nothing is known. */
  readonly moreExtensions?: boolean
  /** The text a value was written as, where it is not a text now. */
  readonly textAt?: TextAt
  /** Places of what is wrong, and was told. */
  readonly lost?: readonly Path[]
}

export type Parsed = { readonly settings: Settings } | { readonly issues: readonly Issue[]; readonly rest?: Rest }

/** What can be made of settings with faults: what is wrong is as it is by default. */
export interface Rest {
  readonly settings: Settings
  /** An issue of these settings, by its place in what was given. Undefined: there may be none but for the faults. */
  ofGiven(issue: Issue): Issue | undefined
}

/** Settings as an object, as a program or a file gives them: all that is wrong at once, or all defaults filled in. */
export const parseSettings = (given: unknown, context: Context): Parsed => {
  if (given !== undefined && (typeof given !== 'object' || given === null || Array.isArray(given))) {
    return { issues: [{ path: [], message: 'is no map; expected settings, as in `hostname: mx.example.org`' }] }
  }
  const values = (given ?? {}) as Readonly<Record<string, unknown>>
  const schemas = sections(context.machine, context.places, context.extensions)
  const reading = new Reading(context)
  for (const key of Object.keys(values)) {
    if (!Object.hasOwn(schemas, key)) {
      reading.tell({ path: [key], message: `is no setting${hint(key, Object.keys(schemas))}`, ofKey: true })
    }
  }
  const known: Record<string, unknown> = {}
  for (const [section, schema] of Object.entries(schemas)) {
    const { made } = reading.read<unknown>(schema, values[section], [section])
    if (made) known[section] = made.value
  }
  const found = known as Partial<Sections>
  const general = reading.blocks(found.extensions ?? {}, ['extensions'])
  const laidOver = (own: ExtensionBlocks, path: Path): ExtensionBlocks => ({
    ...general.made,
    ...reading.blocks(own, path, general.given).made,
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
  for (const { path, blocks } of unmade(values, found)) reading.blocks(blocks, path, general.given)
  for (const issue of crossCheck(found, values, reading.lost)) {
    const placed = reading.ofGiven(issue)
    if (placed) reading.tell(placed)
  }
  const { issues } = reading
  if (Object.keys(schemas).some((section) => !Object.hasOwn(known, section))) return { issues }

  const complete = known as unknown as Sections
  const domains = complete.domains ?? [complete.hostname]
  const settings: Settings = {
    ...complete,
    domains,
    postmaster: complete.postmaster ?? defaultPostmaster(domains, values['directors'] !== undefined, context.machine),
    extensions: general.made,
    transports: transports ?? [],
    listen: (listen ?? []).map((one) => listener(one.section, one.extensions, complete)),
  }
  if (issues.length === 0 && reading.lost.length === 0) return { settings }
  return { issues, rest: { settings, ofGiven: (issue) => reading.ofGiven(issue) } }
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

/** Blocks of what could not be made for other reasons: what is wrong with them is told all the same. */
const unmade = (
  { listen, transports }: Readonly<Record<string, unknown>>,
  found: Partial<Sections>,
): readonly { readonly path: Path; readonly blocks: ExtensionBlocks }[] => {
  const lacks = (made: readonly { readonly name: string }[] = [], name: string) =>
    made.every((one) => one.name !== name)
  const listeners = entries(listen).filter(([name]) => lacks(found.listen, name))
  const drivers = entries(transports)
    .filter(([name]) => lacks(found.transports, name))
    .flatMap(([name, given]) => entries(given).map(([driver, own]) => [['transports', name, driver], own] as const))
  return [...listeners.map(([name, own]) => [['listen', name], own] as const), ...drivers].flatMap(([path, own]) =>
    entries(own).flatMap(([key, blocks]) =>
      key === 'extensions' && isMap(blocks) ? [{ path: [...path, key], blocks }] : [],
    ),
  )
}

const entries = (given: unknown): readonly (readonly [string, unknown])[] => (isMap(given) ? Object.entries(given) : [])
