import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'

/** What the tests of a file share, and leave nothing of. */
export interface Scene {
  /** A new folder that others may look into. */
  folder(name: string): string
  /** To be done when the tests are over; the last one first. */
  atEnd(act: () => Promise<void>): void
}

/** To be called where tests are declared, not within one. */
export const sceneForTests = (): Scene => {
  const top = mkdtempSync(join(tmpdir(), 'smail-'))
  chmodSync(top, 0o755)
  const acts: (() => Promise<void>)[] = []
  after(async () => {
    for (const act of acts.toReversed()) await act()
    rmSync(top, { recursive: true, force: true })
  })
  return {
    folder(name) {
      const path = join(top, name)
      mkdirSync(path)
      return path
    },
    atEnd(act) {
      acts.push(act)
    },
  }
}
