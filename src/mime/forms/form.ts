import { allOf, equals, type Filter, tagsOf } from '../../mail/features/filter.ts'
import type { Questions } from '../../mail/features/match-filter.ts'

/** What a body part is, or may become. */
export interface ContentForm {
  /** Media type, lower case. */
  readonly type: string
  /** Lower case; of text always there. */
  readonly charset?: string
  /** The value of the Content-Type field; '' where there is none. Printable ASCII where a converter made it. */
  readonly contentType: string
  /** All that is known of it, type and charset included. */
  readonly features: Filter
}

/** `said`: by a Content-Features field, which knows better than we do. */
export const formOf = (
  type: string,
  charset: string | undefined,
  contentType: string,
  said: Filter | undefined,
): ContentForm => {
  const known = charset?.toLowerCase() ?? (type.startsWith('text/') ? 'us-ascii' : undefined)
  const tags = said ? tagsOf(said) : new Set<string>()
  const own = [
    ...(tags.has('type') ? [] : [equals('type', plain(type))]),
    ...(known === undefined || tags.has('charset') ? [] : [equals('charset', plain(known))]),
  ]
  const said_ = said ? (said.is === 'and' && !said.parameters ? said.of : [said]) : []
  const [first = equals('type', plain(type)), ...rest] = [...own, ...said_]
  return { type, ...(known === undefined ? {} : { charset: known }), contentType, features: allOf([first, ...rest]) }
}

/** What can stand in a filter. */
const plain = (text: string): string => text.replace(/[^ !#-~]/g, '?')

/** The same but for one feature. What is said of that and of others in one breath goes. */
export const withFeature = (features: Filter, tag: string, now: Filter): Filter => {
  const all = features.is === 'and' ? features.of : [features]
  const [first = now, ...rest] = all.filter((one) => !tagsOf(one).has(tag))
  return first === now ? now : allOf([first, ...rest, now])
}

/** Charsets in which text of ASCII alone is the same octets. */
const LIKE_ASCII = [
  ...['us-ascii', 'utf-8', 'iso-2022-jp', 'iso-2022-kr', 'gb2312', 'gbk', 'gb18030', 'big5', 'euc-jp', 'euc-kr'],
  ...['koi8-r', 'koi8-u', 'tis-620', 'windows-874'],
  ...Array.from({ length: 16 }, (_, at) => `iso-8859-${at + 1}`),
  ...Array.from({ length: 9 }, (_, at) => `windows-125${at}`),
]

/** Whether a recipient takes content in this form, as it is. A question that is too hard is answered with no. */
export const isTaken = (form: ContentForm, capabilities: Filter, questions: Questions): boolean => {
  const ascii: Filter = { is: 'set', tag: 'charset', of: LIKE_ASCII.map((word) => ({ word })) }
  const features = form.charset === 'us-ascii' ? withFeature(form.features, 'charset', ascii) : form.features
  return questions.satisfiable(features, capabilities) === true
}
