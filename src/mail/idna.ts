import { domainToASCII } from 'node:url'

const ASCII = /^[\x00-\x7f]*$/

// RFC 5892 section 2, but for the code points that context decides about.
const VALID_ALL_THE_SAME = /[ßς\u{6fd}\u{6fe}\u{f0b}\u{3007}]/u
const NEVER =
  /[\u{640}\u{7fa}\u{302e}\u{302f}\u{3031}-\u{3035}\u{303b}\u{1100}-\u{11ff}\u{a960}-\u{a97c}\u{d7b0}-\u{d7fb}]/u
const IGNORED = /[\p{DI}\p{White_Space}\p{Noncharacter_Code_Point}]|[\u{20d0}-\u{20ff}]|[\u{1d100}-\u{1d24f}]/u
const LETTER_OR_DIGIT = /[\p{Ll}\p{Lu}\p{Lo}\p{Nd}\p{Lm}\p{Mn}\p{Mc}]/u
const HYPHEN_OR_JOINER = /[-_\u{200c}\u{200d}]/u

/** RFC 5892 appendix A, from A.3 on; the joiners' rules are those of `domainToASCII`. */
const OUT_OF_CONTEXT = [
  /(?<!l)·|·(?!l)/u,
  /\u{375}(?!\p{Script=Greek})/u,
  /(?<!\p{Script=Hebrew})[\u{5f3}\u{5f4}]/u,
  /^[^\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}]*・[^\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}]*$/u,
  /[\u{660}-\u{669}].*[\u{6f0}-\u{6f9}]|[\u{6f0}-\u{6f9}].*[\u{660}-\u{669}]/u,
] as const
const IN_CONTEXT = /[·\u{375}\u{5f3}\u{5f4}・]/u

/** As Unicode folds case, for one code point; the dotless i folds into itself. */
const folded = (c: string): string => (c === 'ı' ? c : c.toUpperCase().toLowerCase())

const isStable = (c: string): boolean => folded(c.normalize('NFKC')).normalize('NFKC') === c

/** Whether a label may hold it at all (RFC 5892 section 3): neither symbols nor what no Unicode version has assigned. */
const isValid = (c: string): boolean => {
  if (VALID_ALL_THE_SAME.test(c) || IN_CONTEXT.test(c) || HYPHEN_OR_JOINER.test(c)) return true
  return !NEVER.test(c) && LETTER_OR_DIGIT.test(c) && !IGNORED.test(c) && isStable(c)
}

const isLabel = (label: string): boolean => {
  if (ASCII.test(label)) return true
  // Those two hyphens announce an encoding, and there is none but that of A-labels (RFC 5891 4.2.3.1).
  if (label.slice(2, 4) === '--' || label.startsWith('-') || label.endsWith('-')) return false
  return [...label].every(isValid) && !OUT_OF_CONTEXT.some((rule) => rule.test(label))
}

/**
 * A domain name as A-labels in lower case (RFC 5891 4, 5): its case is folded and its marks composed first, and nothing
 * else is mapped. Undefined when a label can be none: what RFC 5892 does not allow in one, or longer than 63 octets then.
 */
export const aLabels = (domain: string): string | undefined => {
  if (ASCII.test(domain)) return domain.toLowerCase()
  const labels = domain.normalize().toLowerCase().normalize().split(/[.。]/u)
  if (!labels.every(isLabel)) return undefined
  const ascii = domainToASCII(labels.join('.'))
  return ascii !== '' && ascii.split('.').every(({ length }) => length > 0 && length <= 63) ? ascii : undefined
}

/** Two spellings of one domain, in U-labels or A-labels, give one key. */
export const domainKey = (domain: string): string => aLabels(domain) ?? domain.toLowerCase()
