/** Messages too large to keep as files, by name. */
export const made = (): ReadonlyMap<string, Buffer> =>
  new Map([
    [
      'made-line-of-100000',
      mail('text/plain; charset=us-ascii', '7bit', 'a long line '.repeat(8_334).slice(0, 100_000)),
    ],
    ['made-8bit-line-of-100000', mail('text/plain; charset=utf-8', '8bit', 'gr\xc3\xbc\xc3\x9fe '.repeat(12_500))],
    ['made-binary-line-of-100000', mail('application/octet-stream', 'binary', lineOfAll(100_000))],
    ['made-binary-3MiB', mail('application/zip', 'binary', everyOctet(3 * 1_048_576))],
    ['made-2000-parts', parts(2_000)],
    [
      'made-2000-recipients',
      mail('text/plain', '7bit', 'short', `Cc: ${'someone@example.com, '.repeat(2_000)}end@example.com\r\n`),
    ],
  ])

/** One character per octet. */
const mail = (type: string, encoding: string, body: string, more = ''): Buffer =>
  Buffer.from(
    `From: a@example.com\r\nTo: b@example.com\r\n${more}MIME-Version: 1.0\r\nContent-Type: ${type}\r\n` +
      `Content-Transfer-Encoding: ${encoding}\r\n\r\n${body}\r\n`,
    'latin1',
  )

/** Without CR and LF. */
const lineOfAll = (length: number): string =>
  everyOctet(2 * length)
    .replace(/[\r\n]/g, '')
    .slice(0, length)

/** In an order without a short period, and always the same. */
const everyOctet = (length: number): string => {
  const octets = Buffer.alloc(length)
  let state = 1
  for (let at = 0; at < length; at += 1) {
    state = (state * 48_271) % 2_147_483_647
    octets[at] = state >> 8
  }
  return octets.toString('latin1')
}

const parts = (count: number): Buffer => {
  const each =
    '--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\xe9 is a letter\r\n'
  return mail('multipart/mixed; boundary=b', '8bit', `${each.repeat(count)}--b--`)
}
