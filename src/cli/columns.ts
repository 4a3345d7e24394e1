/** Octets for people: `312`, `4.2K`, `25M`. */
export const sizeText = (octets: number): string => {
  const units = ['', 'K', 'M', 'G', 'T']
  let value = octets
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return unit === 0 || value >= 10 ? `${Math.round(value)}${units[unit]}` : `${value.toFixed(1)}${units[unit]}`
}

/** A span of time for people, its two largest units: `3d 4h`, `12s`. */
export const spanText = (ms: number): string => {
  const seconds = Math.max(0, Math.round(ms / 1000))
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ]
  const first = parts.findIndex(([count]) => count > 0)
  if (first < 0) return '0s'
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count}${unit}`)
    .join(' ')
}

/**
 * A table whose columns are as wide as what is in them; the last one is not padded. Where that is wider than `width`
 * characters, cells are folded: at their line feeds, which are spaces otherwise, and between words, the widest columns the
 * most. A word is never broken.
 */
export const table = (rows: readonly (readonly string[])[], width: number = Number.POSITIVE_INFINITY): string => {
  const flat = rows.map((row) => row.map((cell) => cell.replaceAll('\n', ' ')))
  const natural = widest(flat, (cell) => [cell])
  const fits = total(natural) <= width
  const widths = fits ? natural : fitting(rows, width)
  return (fits ? flat : rows)
    .flatMap((row) => {
      const cells = row.map((cell, i) => cell.split('\n').flatMap((line) => folded(line, widths[i] ?? 0)))
      const height = Math.max(1, ...cells.map(({ length }) => length))
      return Array.from({ length: height }, (_, line) => cells.map((lines) => lines[line] ?? ''))
    })
    .map((row) => row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0))).join('  '))
    .map((line) => `${line.trimEnd()}\n`)
    .join('')
}

/** Characters of a line, with what is between columns. */
const total = (widths: readonly number[]): number => widths.reduce((sum, one) => sum + one + 2, -2)

const widest = (
  rows: readonly (readonly string[])[],
  parts: (cell: string) => readonly string[],
): readonly number[] => {
  const widths: number[] = []
  for (const row of rows) {
    for (const [i, cell] of row.entries())
      widths[i] = Math.max(widths[i] ?? 0, ...parts(cell).map(({ length }) => length))
  }
  return widths
}

/** All columns in proportion, but none narrower than its longest word. */
const fitting = (rows: readonly (readonly string[])[], width: number): readonly number[] => {
  const natural = widest(rows, (cell) => cell.split('\n'))
  const least = widest(rows, (cell) => cell.split(/[ \n]/))
  for (let share = 100; share > 0; share--) {
    const widths = natural.map((most, i) => Math.max(Math.floor((most * share) / 100), least[i] ?? 0))
    if (total(widths) <= width) return widths
  }
  return least
}

const folded = (line: string, width: number): readonly string[] => {
  const lines: string[] = []
  for (const word of line.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}
