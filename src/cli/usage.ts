import { type ParseArgsOptionsConfig, parseArgs } from 'node:util'
import { hint } from '../config/wording.ts'
import { EXIT, Exit } from './exit.ts'

/** One command: what it is for, in a line, how it is written, and its options beyond `--help`. */
export interface Usage {
  readonly name: string
  readonly line: string
  readonly does: string
  readonly options: Readonly<Record<string, Option>>
}

interface Option {
  readonly type: 'string' | 'boolean'
  readonly value?: string
  readonly does: string
}

/** What was given: options by name, and the rest in order. */
export interface Given {
  readonly words: readonly string[]
  text(option: string): string | undefined
  has(option: string): boolean
}

export const CONFIG: Option = { type: 'string', value: 'FILE', does: 'settings, instead of /etc/smail/smail.yaml' }
export const JSON_OPTION: Option = { type: 'boolean', does: 'for programs: JSON instead of text' }

/** Reads what stands behind a command. Throws `Exit` that says what there is instead. */
export const readOptions = (argv: readonly string[], usage: Usage): Given => {
  const known = ['help', ...Object.keys(usage.options)]
  for (const argument of argv) {
    if (argument === '--') break
    const [, name] = /^--([^=]+)/.exec(argument) ?? []
    if (name !== undefined && !known.includes(name)) {
      throw new Exit(EXIT.usage, `smail ${usage.name} has no option --${name}${hint(name, known)}`)
    }
  }
  const options: ParseArgsOptionsConfig = { help: { type: 'boolean', short: 'h' } }
  for (const [name, { type }] of Object.entries(usage.options)) options[name] = { type }
  try {
    const { values, positionals } = parseArgs({ args: [...argv], options, allowPositionals: true })
    return {
      words: positionals,
      text: (option) => (typeof values[option] === 'string' ? values[option] : undefined),
      has: (option) => values[option] === true,
    }
  } catch (error) {
    throw new Exit(EXIT.usage, `${(error as Error).message.split('. ')[0]}\nusage: ${usage.line}`)
  }
}

/** What `--help` prints for one command. */
export const helpText = ({ line, does, options }: Usage): string => {
  const rows = Object.entries(options).map(([name, { value, does: means }]) => [
    `--${name}${value ? ` ${value}` : ''}`,
    means,
  ])
  const width = Math.max(0, ...rows.map(([left = '']) => left.length))
  const list = rows.map(([left = '', right]) => `  ${left.padEnd(width)}  ${right}\n`).join('')
  return `usage: ${line}\n\n${does}\n${list === '' ? '' : `\n${list}`}`
}
