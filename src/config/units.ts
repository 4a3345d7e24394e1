/** Why a text is no size, time or mode: what is wrong with it and what was expected. */
export class BadUnit extends Error {
  override readonly name = 'BadUnit'
}

const SIZES: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  K: 2 ** 10,
  M: 2 ** 20,
  G: 2 ** 30,
}

const TIMES: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

const NUMBER = /^(\d{1,15}(?:\.\d{1,3})?)/

/** Octets: `50MiB`, `10MB`, `25M`, or a bare number. Whole, at most 2^53. Throws `BadUnit`. */
export const readSize = (text: string): number => {
  const [, digits = '', unit = ''] = /^(\S*?) ?([A-Za-z]*)$/.exec(text) ?? []
  const factor = Object.hasOwn(SIZES, unit) ? SIZES[unit] : undefined
  if (factor === undefined || NUMBER.exec(digits)?.[0] !== digits) {
    throw new BadUnit(`'${text}' is no size; expected a number with B, KiB, MiB or GiB, as in 50MiB`)
  }
  const octets = Math.round(Number(digits) * factor)
  if (!Number.isSafeInteger(octets)) throw new BadUnit(`'${text}' is too large a size`)
  return octets
}

/** Milliseconds: `90s`, `5d`, `1h30m`; a unit must be there, for people differ in what a bare number means. Throws `BadUnit`. */
export const readTime = (text: string): number => {
  let ms = 0
  let rest = text
  do {
    const [part = '', digits = '', unit = ''] = /^(\d{1,15}(?:\.\d{1,3})?)([a-z]*)/.exec(rest) ?? []
    const factor = Object.hasOwn(TIMES, unit) ? TIMES[unit] : undefined
    if (factor === undefined) {
      throw new BadUnit(`'${text}' is no time; expected a number with ms, s, m, h, d or w, as in 90s or 5d`)
    }
    ms += Number(digits) * factor
    rest = rest.slice(part.length)
  } while (rest !== '')
  if (!Number.isSafeInteger(Math.round(ms))) throw new BadUnit(`'${text}' is too long a time`)
  return Math.round(ms)
}

/** As `readSize` reads it, in the largest unit that divides it. */
export const formatSize = (octets: number): string =>
  inLargest(
    octets,
    [
      ['GiB', 2 ** 30],
      ['MiB', 2 ** 20],
      ['KiB', 2 ** 10],
    ],
    '',
  )

/** As `readTime` reads it, in the largest unit that divides it. */
export const formatTime = (ms: number): string =>
  inLargest(
    ms,
    [
      ['d', 86_400_000],
      ['h', 3_600_000],
      ['m', 60_000],
      ['s', 1000],
    ],
    'ms',
  )

const inLargest = (value: number, units: readonly (readonly [string, number])[], otherwise: string): string => {
  const [unit, factor] = units.find(([, one]) => value !== 0 && value % one === 0) ?? [otherwise, 1]
  return `${value / factor}${unit}`
}

/** File permissions in octal: `0600`. Throws `BadUnit`. */
export const readMode = (text: string): number => {
  if (!/^0?[0-7]{3}$/.test(text)) throw new BadUnit(`'${text}' is no mode; expected three octal digits, as in "0600"`)
  return Number.parseInt(text, 8)
}
