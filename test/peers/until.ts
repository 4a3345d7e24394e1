/** How long anything may take that takes a second at most on an idle machine. */
const PATIENCE = 60_000
const PAUSE = 20

/** What `look` finds, once it finds something. Rejects when it does not in time, with what `describe` then says. */
export const until = async <T>(
  look: () => T | undefined | Promise<T | undefined>,
  describe: () => string | Promise<string>,
): Promise<T> => {
  const end = performance.now() + PATIENCE
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (performance.now() > end) throw new Error(`Waited in vain: ${await describe()}`)
    await new Promise((resolve) => setTimeout(resolve, PAUSE))
  }
}
