import type { SettingRow } from '../config/reference.ts'
import { hint, shown } from '../config/wording.ts'
import { EXIT, Exit } from './exit.ts'
import { type Io, print } from './io.ts'
import { type Given, JSON_OPTION, type Usage } from './usage.ts'

export const settingsUsage: Usage = {
  name: 'settings',
  line: 'smail settings [--json] [KEY…]',
  does:
    'Says what can be set: all of it, or what KEY names, as in `queue` or `queue.lifetime`. Defaults are those on this\n' +
    'machine. Words in capitals stand for names of your own: `listen.mx.smtp` is `listen.NAME.smtp`.',
  options: { json: JSON_OPTION },
}

export const settings = async (given: Given, io: Io): Promise<number> => {
  const [{ settingRows }, { thisMachine }, { extensionSchemas }] = await Promise.all([
    import('../config/reference.ts'),
    import('../config/machine.ts'),
    import('../app/extensions.ts'),
  ])
  const all = settingRows(thisMachine(io.env), extensionSchemas)
  const rows = given.words.length === 0 ? all : given.words.flatMap((key) => named(key, all))
  await print(io, given.has('json') ? `${JSON.stringify(rows)}\n` : rows.map(textOf).join('\n'))
  return EXIT.ok
}

/** Those at a key and below it. Throws `Exit` when there are none. */
const named = (asked: string, rows: readonly SettingRow[]): readonly SettingRow[] => {
  const words = asked.split('.')
  const found = rows.filter(({ key }) => {
    const own = key.split('.')
    return words.every((word, at) => own[at] === word || (own[at] !== undefined && /^[A-Z]+$/.test(own[at])))
  })
  if (found.length > 0) return found
  const keys = rows.map(({ key }) => key)
  throw new Exit(
    EXIT.usage,
    `there is no setting ${shown(asked)}${hint(asked, keys) || '; smail settings lists them all'}`,
  )
}

const textOf = ({ key, does, value, otherwise, wrong, change }: SettingRow): string =>
  [
    key,
    `  ${does}`,
    `  value:    ${value}`,
    `  default:  ${otherwise?.text ?? 'none, it must be there'}`,
    `  wrong:    ${wrong}`,
    `  change:   ${change}`,
    '',
  ].join('\n')
