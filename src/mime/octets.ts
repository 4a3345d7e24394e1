/** The same octets in the same memory, with a Buffer's methods. */
export const asBuffer = (octets: Uint8Array): Buffer =>
  Buffer.isBuffer(octets) ? octets : Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength)

/** Octets of a name, an encoding and the like that are worth keeping: those that mean anything are shorter. */
export const MOST_NAME = 100

/** The beginning of it, in a place of its own: a piece of a string keeps all of that in memory. */
export const shortName = (text: string): string => (text.length > MOST_NAME ? owned(text.slice(0, MOST_NAME)) : text)

/** The same octets apart from the string they are a piece of. */
export const owned = (octets: string): string => Buffer.from(octets, 'latin1').toString('latin1')
