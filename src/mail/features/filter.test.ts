import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { allOf, BadFilter, equals, type Filter, tagsOf, wordsOf } from './filter.ts'
import { Questions, satisfiable } from './match-filter.ts'
import { readFilter } from './read-filter.ts'
import { filterLines, writeFilter } from './write-filter.ts'

/** RFC 4141 9.2. */
const FAX = `(&(image-file-structure=TIFF-minimal)
   (MRC-mode=0)
   (color=Binary)
   (|(&(dpi=204)
       (dpi-xyratio=[204/98,204/196]) )
     (&(dpi=200)
       (dpi-xyratio=[200/100,1]) ) )
   (image-coding=[MH,MR,MMR])
   (size-x<=2150/254)
   (paper-size=[letter,A4])
   (ua-media=stationery) )`

test('what is read is written without blanks, its numbers reduced', () => {
  const written = writeFilter(readFilter(FAX))
  assert.equal(
    written,
    '(&(image-file-structure=TIFF-minimal)(MRC-mode=0)(color=Binary)(|(&(dpi=204)(dpi-xyratio=[102/49,51/49]))' +
      '(&(dpi=200)(dpi-xyratio=[2,1])))(image-coding=[MH,MR,MMR])(size-x<=1075/127)(paper-size=[letter,A4])' +
      '(ua-media=stationery))',
  )
  assert.equal(writeFilter(readFilter('( ! ( a = "x y" ) ) ; q = 0.5 ;x=1')), '(!(a="x y"));q=0.5;x=1')
  assert.equal(writeFilter(readFilter('(width=[3,4,6..17/2])')), '(width=[3,4,6..17/2])')
  assert.equal(writeFilter(readFilter('(a=+5)')), '(a=5)')
  assert.equal(writeFilter(readFilter('(a=-50/20)')), '(a=-5/2)')
})

test('what is no filter is refused, with its place', () => {
  const faults: readonly (readonly [string, RegExp])[] = [
    ['', /^At 1 '\(' was expected, not the end$/],
    ['charset=utf-8', /^At 1 '\(' was expected, not 'charset=utf-'$/],
    ['(charset=utf-8', /^At 15 '\)' was expected, not the end$/],
    ['(a=3/0)', /a divisor/],
    ['(a=3/+2)', /'\)' was expected, not '\/\+2\)'/],
    ['(a=15/-10)', /'\)' was expected/],
    ['(a=[])', /a value was expected/],
    ['(a=[1,2)', /'\]' was expected/],
    ['(type=text/plain)', /'\)' was expected, not '\/plain\)'/],
    ['(&)', /'\(' was expected/],
    ['(a=1) (b=2)', /nothing more was expected/],
    ['(a=1);q=2', /a quality from 0 to 1 was expected, not '2'/],
    ['(a<1)', /'=', '<=' or '>=' was expected/],
    ['(\u00e9=1)', /a feature tag was expected, not '\?=1\)'/],
    ['(a=3x)', /a value was expected/],
    [`${'(!'.repeat(40)}(a=1)${')'.repeat(40)}`, /More than 32 filters within each other/],
    [`(a=[${'1,'.repeat(600)}1])`, /More than 500 values/],
    [`(a="${'x'.repeat(20_000)}")`, /more than 16384 characters/],
  ]
  for (const [text, message] of faults) {
    assert.throws(() => readFilter(text), { name: 'BadFilter', message }, text)
  }
})

test('definitions behind a filter take the place of their names, if the hash is right (RFC 2938)', () => {
  const text = '(& (pix-x=100) (h.SBB5REAOMHC09CP2GM4V07PQP0) )'
  const definition = '(& (pix-x<=200) (pix-y<=150) )'
  assert.equal(writeFilter(readFilter(text)), '(&(pix-x=100)(h.SBB5REAOMHC09CP2GM4V07PQP0))')
  assert.equal(
    writeFilter(readFilter(`${text} where (h.SBB5REAOMHC09CP2GM4V07PQP0) :- ${definition} end`)),
    '(&(pix-x=100)(&(pix-x<=200)(pix-y<=150)))',
  )
  assert.throws(() => readFilter(`${text} where (h.SBB5REAOMHC09CP2GM4V07PQP0) :- (pix-x<=200) end`), /another hash/)
  assert.equal(writeFilter(readFilter('(mine) where (Mine) :- (a=1) end')), '(a=1)')
})

test('sets of forms meet, or do not (RFC 2533 section 5)', () => {
  const meet = (...texts: readonly string[]) => satisfiable(...texts.map(readFilter))
  assert.equal(meet('(charset=utf-8)', '(charset=[us-ascii,UTF-8])'), true)
  assert.equal(meet('(charset=utf-8)', '(charset=[us-ascii,iso-8859-1])'), false)
  assert.equal(meet('(type="image/png")', '(charset=utf-8)'), true)
  assert.equal(meet('(charset=utf-8)', '(!(charset="utf-8"))'), false)
  assert.equal(meet('(charset=koi8-r)', '(!(charset=[utf-8,us-ascii]))'), true)
  assert.equal(meet('(a<=3)', '(a>=3)'), true)
  assert.equal(meet('(a<=3)', '(!(a<=3))'), false)
  assert.equal(meet('(a<=3)', '(!(a<=2))', '(!(a=3))', '(!(a<=5/2))'), true)
  assert.equal(meet('(a=[4..17/2])', '(a=[9,10])'), false)
  assert.equal(meet('(a=[4..17/2])', '(a=[17/2,10])'), true)
  assert.equal(meet('(!(a=[4..17/2]))', '(a=5)'), false)
  assert.equal(meet('(a=3)', '(!(a=6/2))'), false)
  assert.equal(meet('(a=3)', '(a=red)'), false)
  assert.equal(meet('(a<=red)', '(a>=blue)'), false)
  assert.equal(meet('(mine)', '(!(Mine))'), false)
  assert.equal(meet('(mine)', '(theirs)'), true)
  assert.equal(meet(FAX, '(&(dpi=200)(dpi-xyratio=1)(paper-size=A4)(size-x=2150/254))'), true)
  assert.equal(meet(FAX, '(&(dpi=200)(dpi-xyratio=204/98))'), false)
  assert.equal(meet(FAX, '(&(dpi=400)(image-coding=JBIG)(paper-size=letter))'), false)
})

test('a question that is too hard has no answer, and does not take for ever', () => {
  // Each of 30 pairs is possible on its own, and all of them together are not, which nobody sees before the end.
  const pairs = Array.from({ length: 30 }, (_, at) => `(|(a${at}=1)(a${at}=2))`).join('')
  const none = Array.from({ length: 2 }, (_, at) => `(!(b=${at}))`).join('')
  assert.equal(satisfiable(readFilter(`(&${pairs}${none}(b=[0,1]))`)), undefined)
})

test('questions that belong together take so long together, and none is looked into twice', () => {
  const pairs = Array.from({ length: 30 }, (_, at) => `(|(a${at}=1)(a${at}=2))`).join('')
  const hard = readFilter(`(&${pairs}(!(b=0))(!(b=1))(b=[0,1]))`)
  const questions = new Questions()
  const ask = (type: string) => questions.satisfiable(equals('type', type), hard)
  assert.equal(ask('text/plain'), undefined)
  const once = questions.steps
  assert.equal(once, 20_000)
  assert.equal(ask('text/plain'), undefined)
  assert.equal(questions.steps, once)
  for (let at = 0; at < 1000; at++) assert.equal(ask(`x/${at}`), undefined)
  assert.equal(questions.steps, 100_000)
  assert.ok(questions.isSpent)
  assert.equal(questions.satisfiable(equals('a', 'b')), undefined, 'not even what is easy')
})

test('property: what is remembered is what would be found', () => {
  const questions = new Questions()
  fc.assert(
    fc.property(filters, filters, (one, other) => {
      const found = satisfiable(one, other)
      if (!questions.isSpent) assert.equal(questions.satisfiable(one, other), found)
      if (!questions.isSpent) assert.equal(questions.satisfiable(one, other), found)
    }),
  )
})

test('what a filter speaks of', () => {
  const filter = readFilter('(&(Type="text/plain")(!(charset=[utf-8,KOI8-R]))(|(dpi<=3)(x)))')
  assert.deepEqual([...tagsOf(filter)], ['type', 'charset', 'dpi'])
  assert.deepEqual([...wordsOf(filter, 'charset')], ['utf-8', 'koi8-r'])
  assert.equal(
    writeFilter(allOf([equals('type', 'text/plain'), equals('charset', 'utf-8')])),
    '(&(type="text/plain")(charset=utf-8))',
  )
})

const plainly = { noNullPrototype: true } as const
const word = fc
  .oneof(fc.stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,8}$/), fc.stringMatching(/^[ !#-~]{0,12}$/))
  .map((text) => ({ word: text }))
const number = fc
  .tuple(fc.integer({ min: -99, max: 99 }), fc.integer({ min: 1, max: 99 }))
  .map(([over, under]) => readFilter(`(a=${over}/${under})`))
  .map((filter) => (filter.is === 'compare' ? filter.value : { word: '' }))
const value = fc.oneof(word, number)
const tag = fc.stringMatching(/^[A-Za-z][A-Za-z0-9.-]{0,8}$/)
const filters: fc.Arbitrary<Filter> = fc.letrec<{ filter: Filter }>((tie) => ({
  filter: fc
    .tuple(
      fc.oneof(
        { maxDepth: 4 },
        fc.record(
          {
            is: fc.constant('compare' as const),
            tag,
            by: fc.constantFrom('=' as const, '<=' as const, '>=' as const),
            value,
          },
          plainly,
        ),
        fc.record(
          {
            is: fc.constant('set' as const),
            tag,
            of: fc.array(fc.oneof(value, fc.record({ from: value, to: value }, plainly)), {
              minLength: 1,
              maxLength: 4,
            }),
          },
          plainly,
        ),
        fc.record({ is: fc.constant('named' as const), name: tag }, plainly),
        fc.record({ is: fc.constant('not' as const), of: tie('filter') }, plainly),
        fc.record(
          {
            is: fc.constantFrom('and' as const, 'or' as const),
            of: fc.array(tie('filter'), { minLength: 1, maxLength: 4 }),
          },
          plainly,
        ),
      ),
      fc.option(fc.constant([['q', '0.5']] as const)),
    )
    .map(([filter, parameters]): Filter => (parameters ? { ...filter, parameters } : filter)),
})).filter

test('whatever is written, on one line or on several, is read as what it was', () => {
  fc.assert(
    fc.property(filters, fc.integer({ min: 10, max: 70 }), (filter, width) => {
      assert.deepEqual(readFilter(writeFilter(filter)), filter)
      assert.deepEqual(readFilter(filterLines(filter, width).join(' ')), filter)
    }),
  )
})

test('whatever comes is a filter or refused', () => {
  const pieces = fc.array(
    fc.constantFrom(
      '(',
      ')',
      '&',
      '|',
      '!',
      'a',
      '=',
      '<=',
      '[',
      ']',
      ',',
      '..',
      '1',
      '/',
      '"x"',
      ';',
      'q',
      ' ',
      'where',
      ':-',
      'end',
    ),
  )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        pieces.map((all) => all.join('')),
      ),
      (text) => {
        try {
          assert.deepEqual(readFilter(writeFilter(readFilter(text))), readFilter(text))
        } catch (error) {
          assert.ok(error instanceof BadFilter)
        }
      },
    ),
  )
})

test('sets that meet do so in any order, and a set meets itself or is empty', () => {
  fc.assert(
    fc.property(filters, filters, (one, other) => {
      const both = satisfiable(one, other)
      const again = satisfiable(other, one)
      if (both !== undefined && again !== undefined) assert.equal(both, again)
      assert.equal(satisfiable(one, { is: 'not', of: one }) ?? false, false)
      if (both) assert.notEqual(satisfiable(one), false)
    }),
  )
})
