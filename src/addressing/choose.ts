import type { Address } from '../mail/address.ts'
import type { Router, Routing } from '../routers/router.ts'

/** The best of what the routers know: the first complete match, else the longest, the first of several as long. */
export const chooseRoute = async (
  routers: readonly Router[],
  address: Address,
): Promise<{ readonly way: Routing['way']; readonly by: string } | undefined> => {
  let best: { way: Routing['way']; by: string; matched: number } | undefined
  for (const router of routers) {
    const routing = await router.route(address)
    if (routing === undefined) continue
    if (routing.matched === 'complete') return { way: routing.way, by: router.name }
    if (best === undefined || routing.matched > best.matched) {
      best = { way: routing.way, by: router.name, matched: routing.matched }
    }
  }
  return best && { way: best.way, by: best.by }
}
