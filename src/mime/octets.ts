/** The same octets in the same memory, with a Buffer's methods. */
export const asBuffer = (octets: Uint8Array): Buffer =>
  Buffer.isBuffer(octets) ? octets : Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength)
