import { globSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { test } from 'node:test'
import { playRelay, playServer } from './doubles/dialogues.ts'

const nameOf = (file: string): string => `${basename(dirname(file))}/${basename(file).replace(/\.\w+$/, '')}`

for (const file of globSync('test/transcripts/*/*.smtp').sort()) {
  test(`server: ${nameOf(file)}`, () => playServer(file, (extension) => extension))
}

for (const file of globSync('test/relay/*/*.hop').sort()) {
  test(`relay: ${nameOf(file)}`, () => playRelay(file, (extension) => extension))
}
