import type { Encoder } from '../transfer-encoding.ts'

const LINE = 76

/** 1: white space; 2: a letter of base64 or its padding; 0: anything else. */
const KINDS: Uint8Array = Uint8Array.from({ length: 256 }, (_, octet) =>
  /[\t\n\r ]/.test(String.fromCharCode(octet)) ? 1 : /[A-Za-z0-9+/=]/.test(String.fromCharCode(octet)) ? 2 : 0,
)

/** What base64 consists of. */
export class Base64Count {
  /** Letters and padding. */
  letters = 0
  /** There is nothing but these and white space. */
  pure = true

  write(octets: Uint8Array): void {
    let letters = 0
    let space = 0
    for (let at = 0; at < octets.length; at++) {
      const kind = KINDS[octets[at] as number] as number
      letters += kind >> 1
      space += kind & 1
    }
    this.letters += letters
    this.pure &&= letters + space === octets.length
  }
}

/** Octets of so many letters in lines of 76, each with its CRLF. */
export const rewrappedSize = (letters: number): number => letters + 2 * Math.ceil(letters / LINE)

/** Base64 in lines of 76 anew, the letters and the padding as they are, wherever it stands. */
export const rewrapping = (): Encoder => {
  let column = 0
  return {
    write(chunk) {
      const out = Buffer.allocUnsafe(rewrappedSize(chunk.length) + 2)
      let to = 0
      for (const octet of chunk) {
        if (KINDS[octet] !== 2) continue
        out[to++] = octet
        if (++column < LINE) continue
        out[to++] = 13
        out[to++] = 10
        column = 0
      }
      return out.subarray(0, to)
    },
    end: () => Buffer.from(column === 0 ? '' : '\r\n'),
  }
}
