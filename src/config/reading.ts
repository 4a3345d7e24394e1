import type * as z from 'zod'
import { check, type Issue, type Path } from './check.ts'
import { type Gathered, gather } from './gather.ts'
import { kindOf } from './kinds.ts'
import type { Context } from './parse.ts'
import { placed } from './placed.ts'
import type { ExtensionBlocks } from './settings.ts'
import { startsWith } from './without.ts'
import { noBlock } from './wording.ts'

/** Settings on their way from what was given: gathers what is wrong, and what was left out for it. */
export class Reading {
  readonly #context: Context
  readonly #issues: Issue[] = []
  readonly #lost: Path[]
  readonly #parts: { readonly path: Path; readonly placeOf: Gathered<unknown>['placeOf'] }[] = []

  constructor(context: Context) {
    this.#context = context
    this.#lost = [...(context.lost ?? [])]
  }

  get issues(): readonly Issue[] {
    return this.#issues
  }

  get lost(): readonly Path[] {
    return this.#lost
  }

  tell(issue: Issue): void {
    this.#issues.push(issue)
  }

  read<T>(schema: z.ZodType<T>, given: unknown, path: Path): Gathered<T> {
    const { textAt, lost } = this.#context
    const gathered = gather(schema, given, path, textAt, lost)
    this.#issues.push(...gathered.issues.filter((issue) => !this.#mayBeKnown(issue)))
    this.#lost.push(...gathered.lost)
    this.#parts.push({ path, placeOf: gathered.placeOf })
    return gathered
  }

  /** A keyword that is near one of ours is that one misspelt. */
  #mayBeKnown({ path, message, ofKey }: Issue): boolean {
    const keyword = ofKey === true && path.at(-2) === 'extensions'
    return this.#context.moreExtensions === true && keyword && !message.includes('did you mean')
  }

  /**
   * Each extension's block, laid over a general one, by the extension's own schema. Where there are general ones, only those
   * that are written. `given`: the blocks as they were read.
   */
  blocks(
    own: ExtensionBlocks,
    path: Path,
    general?: ExtensionBlocks,
  ): { readonly made: ExtensionBlocks; readonly given: ExtensionBlocks } {
    const made: Record<string, unknown> = {}
    const given: Record<string, unknown> = {}
    for (const [keyword, schema] of this.#context.extensions) {
      if (general && own[keyword] === undefined) continue
      const [block, below] = [own[keyword] ?? {}, general?.[keyword]]
      const unnamed = own[keyword] === undefined && kindOf(schema).offUnlessNamed
      if (block === 'off' || block === false || unnamed) {
        made[keyword] = 'off'
        continue
      }
      if (!isMap(block) && 'issues' in check(schema, block)) {
        this.tell({ path: [...path, keyword], message: noBlock(block) })
        this.#lost.push([...path, keyword])
        continue
      }
      const whole = isMap(block) && isMap(below) ? { ...below, ...block } : block
      const gathered = this.read<unknown>(schema, whole, [...path, keyword])
      if (gathered.made) made[keyword] = placed(schema, gathered.made.value, this.#context.places)
      given[keyword] = gathered.given
    }
    return { made, given }
  }

  /** An issue of what was made, by its place in what was given. Undefined: it is about what was left out. */
  ofGiven(issue: Issue): Issue | undefined {
    const parts = this.#parts.filter(({ path }) => startsWith(issue.path, path))
    const part = parts.toSorted((a, b) => b.path.length - a.path.length)[0]
    const path = part ? part.placeOf(issue.path) : issue.path
    return this.#lost.some((lost) => startsWith(path, lost)) ? undefined : { ...issue, path }
  }
}

export const isMap = (given: unknown): given is Readonly<Record<string, unknown>> =>
  typeof given === 'object' && given !== null && !Array.isArray(given)
