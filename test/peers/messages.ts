/** Lines that try those who copy mail: dots, octets above 127 (not even UTF-8), blanks at ends, a very long line. */
const TRYING = [
  '.',
  '..',
  '.. two dots',
  'From here on',
  '>From there',
  'gr\u00fc\u00dfe \u00e9 \u00ff',
  'Gr\u00c3\u00bc\u00c3\u009fe',
  'blank at the end ',
  '\ttab at both\t',
  '',
  'x'.repeat(998),
  '',
  '',
]

const header = (subject: string): string =>
  [
    'From: Sender <sender@origin.test>',
    'To: Somebody <somebody@there.test>',
    `Subject: ${subject}`,
    'Date: Thu, 01 Jan 2026 00:00:00 +0000',
    `Message-ID: <${subject}@origin.test>`,
    'X-Folded: one',
    '\ttwo',
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=iso-8859-1',
    'Content-Transfer-Encoding: 8bit',
    '',
    '',
  ].join('\r\n')

/** One character per octet. */
const octets = (text: string): Buffer => Buffer.from(text, 'latin1')

/** A mail with all that programs like to change. */
export const tryingMail = (subject: string): Buffer =>
  octets(header(subject) + TRYING.map((line) => `${line}\r\n`).join(''))

/** Its last line has no CRLF. */
export const unendedMail = (subject: string): Buffer => octets(`${header(subject)}An end\r\nwithout a line end`)

/** Plain text in ASCII only. */
export const plainMail = (subject: string): Buffer => octets(`${header(subject).replace('8bit', '7bit')}Hello.\r\n`)

/** As many octets, or up to a hundred more. */
export const largeMail = (subject: string, size: number): Buffer => {
  const lines = [header(subject)]
  let length = lines[0]?.length ?? 0
  for (let count = 0; length < size; count += 1) {
    const line = `${String(count).padStart(9, '0')} ${'abcdefghijklmnopqrstuvwxyz'.repeat(2)}\r\n`
    lines.push(line)
    length += line.length
  }
  return octets(lines.join(''))
}

export const MIB: number = 1_048_576
