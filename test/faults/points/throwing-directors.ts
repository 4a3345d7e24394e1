import { makeDirectors as real } from '../../../src/app/directors.ts'
import type { Director } from '../../../src/directors/director.ts'

const throwing: Director = {
  name: 'throwing',
  direct({ local }) {
    if (local === 'throws') throw new TypeError('A bug in a director')
    return local === 'rejects' ? Promise.reject(new TypeError('A bug in a director')) : Promise.resolve(undefined)
  },
}

/** In place of the program's own: the first director has bugs that some addresses meet. */
export const makeDirectors = async (...given: Parameters<typeof real>): Promise<Director[]> => [
  throwing,
  ...(await real(...given)),
]
