import type { Figures } from './trial.ts'

export interface Row {
  readonly scenario: string
  readonly peer: string
  readonly figures: Figures
}

type Figure = keyof Figures

const AGAINST = 'postfix'

const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  return ((sorted[Math.ceil(middle) - 1] ?? 0) + (sorted[Math.floor(middle)] ?? 0)) / 2
}

/** Medians, and how often better than Postfix each is. */
export const table = (rows: readonly Row[]): string => {
  const groups = Map.groupBy(rows, ({ scenario, peer }) => `${scenario} ${peer}`)
  const of = (scenario: string, peer: string, figure: Figure) =>
    median(groups.get(`${scenario} ${peer}`)?.map(({ figures }) => figures[figure]) ?? [])
  const head = ['scenario', 'server', 'msg/s', 'range', 'MiB/s', 'CPU ms', 'RSS MiB', 'PSS MiB', 'elsewhere', 'runs']
  const lines = [[...head, `rate vs ${AGAINST}`, 'CPU vs it']]
  for (const group of groups.values()) {
    const [first] = group
    if (first === undefined) continue
    const { scenario, peer } = first
    const digits = of(scenario, peer, 'perSecond') < 100 ? 1 : 0
    const own = (figure: Figure, to = 0) => of(scenario, peer, figure).toFixed(to)
    const rates = group.map(({ figures }) => figures.perSecond)
    const reference = groups.has(`${scenario} ${AGAINST}`) && peer !== AGAINST
    const times = (figure: Figure) =>
      reference ? `${(of(scenario, peer, figure) / of(scenario, AGAINST, figure)).toFixed(2)}x` : ''
    lines.push([
      ...[scenario, peer, own('perSecond', digits)],
      `${Math.min(...rates).toFixed(digits)}-${Math.max(...rates).toFixed(digits)}`,
      ...[own('mibPerSecond', 1), own('cpu', 3), own('resident'), own('proportional'), own('elsewhere', 2)],
      ...[`${group.length}`, times('perSecond'), times('cpu')],
    ])
  }
  const widths = lines[0]?.map((_, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0))) ?? []
  return lines
    .map((line) => line.map((cell, at) => (at < 2 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))))
    .map((line) => `${line.join('  ').trimEnd()}\n`)
    .join('')
}
