import type { LetterWish, ReportWish } from './format.ts'
import { type Letter, readReport } from './letter.ts'
import { fits, paired, repeated } from './pattern.ts'

type Fields = Letter['fields']

const fieldsFit = (fields: Fields, wishes: Readonly<Record<string, string>>): boolean =>
  Object.entries(wishes).every(([name, wish]) => {
    const values = fields.get(name.toLowerCase()) ?? []
    return wish === '(none)' ? values.length === 0 : values.some((value) => fits(value, repeated(wish)))
  })

const reportFits = (letter: Letter, wish: ReportWish | undefined): boolean => {
  const report = readReport(letter)
  if (report === undefined || wish === undefined) return report === undefined && wish === undefined
  const { unmet, unwished } = paired(wish.of, report.of, fieldsFit)
  return unmet.length + unwished.length === 0 && fieldsFit(report.about, wish.about) && report.returns === wish.returns
}

const grants = (letter: Letter, { text, report, from, to, ...fields }: LetterWish): boolean =>
  fieldsFit(letter.fields, fields as Readonly<Record<string, string>>) &&
  (text === undefined || fits(letter.body, `*${repeated(text)}*`)) &&
  (from === undefined || fits(letter.from, from)) &&
  (to === undefined || pairedOff(to, letter.to)) &&
  reportFits(letter, report)

const pairedOff = (wishes: readonly string[], texts: readonly string[]): boolean => {
  const { unmet, unwished } = paired(wishes, texts, fits)
  return unmet.length + unwished.length === 0
}

/** What is wrong with the letters somewhere, in words; undefined when they are as they should be. */
export const wrongWith = (
  where: string,
  letters: readonly Letter[],
  wishes: readonly LetterWish[],
): string | undefined => {
  const { unmet, unwished } = paired(wishes, letters, grants)
  if (unmet.length + unwished.length === 0) return undefined
  return [
    ...unmet.map((wish) => `${where} lacks ${JSON.stringify(wish)}`),
    ...unwished.map(
      ({ from, to, whole }) => `${where} has, unasked, from ${from} to ${to.join(', ')}:\n${whole.slice(0, 3000)}`,
    ),
  ].join('\n')
}
