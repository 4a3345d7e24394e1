/** Whether a text fits a pattern, in which `*` stands for anything. */
export const fits = (text: string, pattern: string): boolean => {
  const [first = '', ...pieces] = pattern.split('*')
  const last = pieces.pop()
  if (last === undefined) return text === pattern
  if (!text.startsWith(first)) return false
  let from = first.length
  for (const piece of pieces) {
    const at = text.indexOf(piece, from)
    if (at < 0) return false
    from = at + piece.length
  }
  return text.length - last.length >= from && text.endsWith(last)
}

/** `{{x 3}}` is `xxx`: for what is too long to be written down. */
export const repeated = (text: string): string =>
  text.replace(/\{\{(.+?) (\d+)\}\}/gs, (_, piece: string, times: string) => piece.repeat(Number(times)))

/**
 * Each wish with something that grants it, nothing used twice. What is left of either side is what is wrong; both empty:
 * all is well.
 */
export const paired = <W, T>(
  wishes: readonly W[],
  things: readonly T[],
  grants: (thing: T, wish: W) => boolean,
): { readonly unmet: readonly W[]; readonly unwished: readonly T[] } => {
  const left = [...things]
  const unmet = wishes.filter((wish) => {
    const at = left.findIndex((thing) => grants(thing, wish))
    if (at >= 0) left.splice(at, 1)
    return at < 0
  })
  return { unmet, unwished: left }
}
