// `docs/settings.md` as the schema has it: on standard output, or with --write into its place. A test holds the two together.
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { extensionSchemas } from '../src/app/extensions.ts'
import { settingRows } from '../src/config/reference.ts'

/** Nobody's machine: defaults that follow from it are written as a file could have them. */
const MACHINE = {
  hostname: 'localhost',
  uid: 1000,
  user: 'USER',
  home: '~',
  state: '~/.local/state/smail',
  runtime: '$XDG_RUNTIME_DIR/smail',
}

const HEAD = `# Settings

Made by \`scripts/settings-page.mjs\` from the schema; \`smail settings [KEY]\` prints the same, with the defaults of the machine
it runs on.

Settings are one YAML file, \`--config FILE\` or \`/etc/smail/smail.yaml\`; without any the defaults hold. It belongs to root or
to whoever runs Smail, nobody else may write it, it is UTF-8, has at most 1 MiB, 100 levels and 100,000 values.

- A key in capitals stands for what you name yourself: \`listen.NAME.smtp\` is \`listen: { mx: { smtp: … } }\`.
- **Sizes** are octets, with B, KiB, MiB, GiB or kB, MB, GB. **Times** have a unit: ms, s, m, h, d, w, also \`1h30m\`.
- **Paths** that are relative start at the folder of the file; \`~/\` is the home of whoever runs Smail. By default things lie
  below \`$XDG_STATE_HOME\`, which is \`~/.local/state\` where it is not set, and sockets there too where \`$XDG_RUNTIME_DIR\` is not.
- \`127.0.0.1:25\` needs no quotes; \`"[::1]:25"\`, \`"*.example.org"\` and \`"\${user}"\` do.

**Wrong values.** All faults are told at once as \`FILE:LINE:COL key: what is wrong\`, by \`smail check\`, a start or a reload; nothing
starts (exit code 78), and a running instance keeps the settings it has. A key that is none is answered with \`is no setting\` and
the nearest that is one, a value with what stands below under *wrong*, where \`?\` is what was written.
The files and folders that settings name are looked at as well. What is right and can have no effect where it stands (an extension
where it is never on offer, a transport that nobody names), or a postmaster whose mail nobody reads, is a warning of \`smail check\`, and nothing more.

**Changes.** Where it says *reload*, \`smail reload\` or SIGHUP is enough: what is new holds for connections, mail and deliveries
that begin after it. Where it says *restart*, the old value stays in force until then, and the answer and the log name the
setting. The files of aliases and users are read again by themselves when they change.
`

const code = (text) => (text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``)

const absent = ({ otherwise }) => {
  if (otherwise === undefined) return 'must be there'
  return otherwise.literal ? code(otherwise.text) : otherwise.text
}

const tableRow = (row) =>
  `| ${[code(row.key), row.does, row.value.replaceAll('*', '\\*'), absent(row), code(row.wrong)].map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`

const CHANGES = {
  reload: 'Changes: reload.',
  restart: 'Changes: **restart**.',
}

const sections = Map.groupBy(settingRows(MACHINE, extensionSchemas), ({ key }) => key.split('.')[0])
const tables = [...sections].map(([name, rows]) => {
  const [change, ...others] = new Set(rows.map((row) => row.change))
  if (others.length > 0) throw new Error(`${name} changes in more than one way`)
  const head = '| setting | what it does | value | default | wrong |\n|---|---|---|---|---|\n'
  return `## ${name}\n\n${CHANGES[change]}\n\n${head}${rows.map(tableRow).join('')}`
})
const text = `${HEAD}\n${tables.join('\n')}`

if (process.argv[2] === '--write') writeFileSync(fileURLToPath(new URL('../docs/settings.md', import.meta.url)), text)
else process.stdout.write(text)
