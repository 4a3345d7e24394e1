import { existsSync, globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { ConversionRules } from '../../src/mime/convert/rules.ts'

const FOLDER = import.meta.dirname

const SEVEN: ConversionRules = {
  encoding: '7bit',
  maxLine: 998,
  header: 'ascii',
  signed: 'bounce',
  utf8Headers: 'refuse',
}

/** What the messages are converted to, by the word in the names of the files with the results. */
export const TARGETS = {
  '7bit': SEVEN,
  '7bit-headers': { ...SEVEN, utf8Headers: 'encode' },
  '7bit-signed': { ...SEVEN, signed: 'convert' },
  '8bit': { ...SEVEN, encoding: '8bit', header: 'raw' },
} as const satisfies Record<string, ConversionRules>

export type Target = keyof typeof TARGETS

/** What has to come out: octets, or the reason, `5.6.3 why`. */
export type Golden = Buffer | string

export const names: readonly string[] = globSync(join(FOLDER, '*.eml'))
  .map((file) => basename(file, '.eml'))
  .filter((name) => !name.includes('.'))
  .sort()

export const pathOf = (name: string): string => join(FOLDER, `${name}.eml`)

export const message = (name: string): Buffer => readFileSync(pathOf(name))

/** The file in which the result is: where one target has none of its own, another's is the same. */
export const goldenPath = (name: string, target: Target): string | undefined => {
  const own = ['eml', 'refused']
    .map((kind) => join(FOLDER, `${name}.${target}.${kind}`))
    .find((path) => existsSync(path))
  if (own !== undefined || target === '7bit') return own
  return target === '8bit' ? pathOf(name) : goldenPath(name, '7bit')
}

export const golden = (name: string, target: Target): Golden => {
  const path = goldenPath(name, target)
  if (path === undefined) throw new Error(`There is no ${name}.${target}.eml, nor a .refused`)
  return path.endsWith('.refused') ? readFileSync(path, 'utf8').trimEnd() : readFileSync(path)
}
