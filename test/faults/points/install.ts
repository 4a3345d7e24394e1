import { registerHooks } from 'node:module'

const src = new URL('../../../src/', import.meta.url).href
const here = new URL('./', import.meta.url).href

/** Modules of the program that stand behind an interface, and those that take their places here. */
const REPLACED: ReadonlyMap<string, string> = new Map([
  [`${src}spool/sqlite.ts`, `${here}sqlite.ts`],
  [`${src}net/listener.ts`, `${here}listener.ts`],
  [`${src}net/dialer.ts`, `${here}dialer.ts`],
  [`${src}app/transports.ts`, `${here}transports.ts`],
  [`${src}transports/local-disk.ts`, `${here}local-disk.ts`],
])

const replace = (replaced: ReadonlyMap<string, string>): void => {
  registerHooks({
    resolve(specifier, context, next) {
      const resolved = next(specifier, context)
      const other = context.parentURL?.startsWith(here) ? undefined : replaced.get(resolved.url)
      return other === undefined ? resolved : { ...resolved, url: other }
    },
  })
}

/** From now on the program gets implementations that pass points. What stands here still gets the real ones. */
export const installPoints = (): void => replace(REPLACED)

/** From now on the program gets a part that is broken: its file here, and that of the program. */
export const installBroken = (broken: string, real: string): void =>
  replace(new Map([[`${src}${real}`, `${here}${broken}`]]))
