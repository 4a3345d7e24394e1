import { decodeBase64, decodeQuotedPrintable } from './decoders.ts'
import { kernels as fastest } from './kernels/fastest.ts'
import type { Encoder, Kernels } from './kernels/kernels.ts'
import { qpMending } from './qp-mending.ts'

export type { Encoder } from './kernels/kernels.ts'

/**
 * Quoted-printable in lines of 76 at most, of which none begins like a boundary, with `From ` or with a dot. `text`: CRLF
 * is a line break, a CR or LF alone is encoded; `binary`: so is every one. `mend`: for a part that is called
 * quoted-printable already: its escapes stay, and only what does not belong is encoded.
 */
export const quotedPrintable = (
  how: { readonly lines: 'text' | 'binary' | 'mend' },
  kernels: Kernels = fastest,
): Encoder => (how.lines === 'mend' ? qpMending() : kernels.quotedPrintable(how.lines))

/** Lines of 76 with CRLF, behind the last one too; nothing of nothing. */
export const base64 = (kernels: Kernels = fastest): Encoder => kernels.base64()

/** Tolerant: what is no escape stands for itself, white space before a line end goes. */
export const qpDecoder = (): Encoder => decodeQuotedPrintable()

/** Tolerant: what is not of the alphabet is passed over; the first padding ends it. */
export const base64Decoder = (): Encoder => decodeBase64()

/** The exact size of what the encoder would give, without keeping it. */
export const measured = (encoder: Encoder): { write(chunk: Uint8Array): void; end(): number } => {
  let octets = 0
  const count = (piece: Uint8Array) => {
    octets += piece.length
  }
  return {
    write: (chunk) => eachPiece(encoder, chunk, count),
    end: () => {
      eachPiece(encoder, undefined, count)
      return octets
    },
  }
}

/** What the encoder gives for a chunk, or at its end when there is none, in pieces that are valid during the call only. */
export const eachPiece = (
  encoder: Encoder,
  chunk: Uint8Array | undefined,
  take: (octets: Uint8Array) => void,
): void => {
  if (encoder.each) encoder.each(chunk, take)
  else take(chunk ? encoder.write(chunk) : encoder.end())
}
