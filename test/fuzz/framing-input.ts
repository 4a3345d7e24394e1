/** Numbers from 0 up to, not including, `below`. */
export type Random = (below: number) => number

/** What made one server or another end a message where the next one did not (2023 and since), and what resembles it. */
export const SMUGGLING: readonly string[] = [
  '\n.\n',
  '\n.\r\n',
  '\n.\r',
  '\r.\r',
  '\r.\r\n',
  '\r.\n',
  '\r\n.\n',
  '\r\n.\r',
  '\r\n.\r\r\n',
  '\r\r\n.\r\r\n',
  '\r\n.\n\r\n',
  '\n\n.\r\n',
  '\n\r.\r\n',
  '\r\n\0.\r\n',
  '\r\n.\0\r\n',
  '\r\n.\r\0\n',
  '\r\0\n.\r\n',
  '\r\n ..\r\n',
  '\r\n..\r\n',
  '\r\n. \r\n',
  '\n.\n.\n',
  '\r.\r.\r',
]

const PIECES: readonly string[] = [
  ...['\r', '\n', '.', '\r\n', '\r\n.', '.\r', '.\r\n', '\r\n.\r\n', '\n.\n', '\r\n..', '\r\r\n', 'x', '\0', '\xff'],
  ...SMUGGLING,
  'MAIL FROM:<a@example.org>\r\n',
  'x'.repeat(90),
]

/** Octets in which line ends and dots meet in every way. */
export const octets = (next: Random): Buffer => {
  let text = ''
  for (let i = next(24); i >= 0; i--) text += PIECES[next(3) === 0 ? next(PIECES.length) : next(11)]
  return Buffer.from(text, 'latin1')
}

/** The input in pieces: all single octets, all at once, or anything between. */
export const pieces = (input: Buffer, next: Random): Buffer[] => {
  const most = [1, 2, 3, 8, 40, input.length][next(6)] ?? 1
  const cut: Buffer[] = []
  for (let at = 0; at < input.length; ) {
    const end = at + 1 + next(most)
    cut.push(input.subarray(at, end))
    at = end
  }
  return cut
}

/** The input cut at each place whose bit is set. */
export const cutAt = (input: Buffer, places: number): Buffer[] => {
  const cut: Buffer[] = []
  let from = 0
  for (let at = 1; at <= input.length; at++) {
    if (at < input.length && !((places >> (at - 1)) & 1)) continue
    cut.push(input.subarray(from, at))
    from = at
  }
  return cut
}
