import { globSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { test } from 'node:test'
import { playRelay, playServer } from './doubles/dialogues.ts'

const nameOf = (file: string): string => `${basename(dirname(file))}/${basename(file).replace(/\.\w+$/, '')}`

/** A dialogue in which one side waits for what never comes is broken off, so that it is known which one it was. */
const limit = { timeout: 120_000 }

for (const file of globSync('test/transcripts/*/*.smtp').sort()) {
  test(`server: ${nameOf(file)}`, limit, () => playServer(file, (extension) => extension))
}

for (const file of globSync('test/relay/*/*.hop').sort()) {
  test(`relay: ${nameOf(file)}`, limit, () => playRelay(file, (extension) => extension))
}
