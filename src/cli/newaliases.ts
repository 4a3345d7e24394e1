import { EXIT } from './exit.ts'
import { type Io, print } from './io.ts'

/** newaliases(1): scripts call it after they have changed aliases. There is no database to make anew. */
export const newaliases = async (io: Io): Promise<number> => {
  await print(io, 'newaliases: nothing to do: alias files are read again when they have changed\n')
  return EXIT.ok
}
