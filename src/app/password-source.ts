import { fileSource, type Source } from '../directors/source.ts'
import { Misconfigured } from '../mail/misconfigured.ts'
import type { Log } from '../observe/log.ts'

/**
 * A file that says who may log in: it belongs to root or to who runs this, and nobody else may write it. Where others may
 * read it, that is told in the log: what it holds does not give passwords away, but lets them be guessed at leisure.
 */
export const passwordSource = (path: string, { uid, log }: { readonly uid: number; readonly log: Log }): Source =>
  fileSource(path, ({ uid: owner, gid, mode }) => {
    if (owner !== 0 && owner !== uid) {
      throw new Misconfigured(`${path}: belongs to uid ${owner}; expected root or uid ${uid}, who runs this`)
    }
    // One's own group may be private to oneself, as it is where the umask is 002.
    const others = gid === process.getgid?.() ? 0o007 : 0o077
    if ((mode & others & 0o022) !== 0) {
      throw new Misconfigured(`${path}: may be written by others; take that right away (chmod go-w)`)
    }
    if ((mode & 0o004) !== 0) log.event('warn', 'passwords-exposed', { file: path, mend: 'chmod o-r' })
  })
