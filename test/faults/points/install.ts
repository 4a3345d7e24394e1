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

/** From now on the program gets implementations that pass points. What stands here still gets the real ones. */
export const installPoints = (): void => {
  registerHooks({
    resolve(specifier, context, next) {
      const resolved = next(specifier, context)
      const replaced = context.parentURL?.startsWith(here) ? undefined : REPLACED.get(resolved.url)
      return replaced === undefined ? resolved : { ...resolved, url: replaced }
    },
  })
}
