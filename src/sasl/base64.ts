/** Strictly (RFC 4648 section 4): nothing but the alphabet, padded, and in the one way to write it. Undefined otherwise. */
export const fromBase64 = (text: string): Buffer | undefined => {
  const octets = Buffer.from(text, 'base64')
  return octets.toString('base64') === text ? octets : undefined
}

export const toBase64 = (octets: Uint8Array | string): string => Buffer.from(octets as string).toString('base64')
