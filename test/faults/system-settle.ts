import type { MtaProcess } from './system-mta.ts'

/** Longer than any pause between two tries. */
const LATER = 2 * 3_600_000

/** Lets time pass until nothing in the spool waits any more, or `done` says that it is enough. */
export const settle = async (mta: MtaProcess, done: () => boolean = () => false): Promise<void> => {
  let isOver = false
  const over = mta.ask({ do: 'empty' }).then(() => {
    isOver = true
  })
  over.catch(() => {})
  while (!isOver && !done()) {
    await mta.ask({ do: 'forward', ms: LATER })
    await Promise.race([over, new Promise((resolve) => setTimeout(resolve, 20))])
  }
  if (isOver) await over
}
