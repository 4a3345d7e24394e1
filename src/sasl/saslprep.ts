/** Code points and ranges of them, in hexadecimal, as what stands in a class of characters. */
const among = (ranges: string): string => ranges.replace(/[0-9a-f]+/g, '\\u{$&}').replaceAll(' ', '')

// Tables C.1.2, B.1, and C.2 to C.9 of RFC 3454, which RFC 4013 names.
const SPACES = among('a0 1680 2000-200b 202f 205f 3000')
const NOTHING = among('ad 34f 1806 180b-180d 200c 200d 2060 fe00-fe0f feff')
const PROHIBITED = among(
  '340 341 6dd 70f 180e 200c-200f 2028-202e 2060-2063 206a-206f 2ff0-2ffb feff fff9-fffd 1d173-1d17a e0001 ' +
    'e0020-e007f',
)
// Table D.1.
const RIGHT_TO_LEFT = among(
  '5be 5c0 5c3 5d0-5ea 5f0-5f4 61b 61f 621-63a 640-64a 66d-66f 671-6d5 6dd 6e5 6e6 6fa-6fe 700-70d 710 712-72c ' +
    '780-7a5 7b1 200f fb1d fb1f-fb28 fb2a-fb36 fb38-fb3c fb3e fb40 fb41 fb43 fb44 fb46-fbb1 fbd3-fd3d fd50-fd8f ' +
    'fd92-fdc7 fdf0-fdfc fe70-fe74 fe76-fefc',
)
// Of table D.2 what is no letter.
const SIGNS = among(
  '482 55a-55f 589 964-970 9e6-9ef 9f4-9fa a66-a6f ae6-aef b66-b70 be7-bf2 c66-c6f ce6-cef d66-d6f df4 e4f-e5b ' +
    'ed0-ed9 f01-f17 f1a-f34 f36 f38 f85 fbe-fc5 fc7-fcc fcf 1040-104f 10fb 1361-137c 166d-166e 16eb-16ed ' +
    '1735-1736 17b4-17b5 17d4-17d6 17d8-17da 17e0-17e9 1810-1819 1885-1886 2336-237a 2395 3190-3191 327f ' +
    '10320-10323 1d000-1d0f5 1d100-1d126 1d12a-1d15d 1d16a-1d16c 1d183-1d184 1d18c-1d1a9 1d1ae-1d1ba 1d1c1-1d1dd',
)
// Letters that are not in table D.2: modifiers, and the blocks of those that go from right to left, younger ones too.
const NOT_LEFT_TO_RIGHT = among(
  '590-8ff fb1d-fdff fe70-feff 10800-10fff 1e800-1efff 2b9 2ba 2c6-2cf 2ec 374 1734 2132 302e 302f',
)

const A_SPACE = new RegExp(`[${SPACES}]`, 'gu')
const ANY_NOTHING = new RegExp(`[${NOTHING}]`, 'gu')
const ANY_PROHIBITED = new RegExp(`[\\p{Cc}\\p{Co}\\p{Cs}\\p{Noncharacter_Code_Point}${PROHIBITED}]`, 'u')
const ANY_RIGHT_TO_LEFT = new RegExp(`[${RIGHT_TO_LEFT}]`, 'u')
const WITHIN_RIGHT_TO_LEFT = new RegExp(`^[${RIGHT_TO_LEFT}](?:.*[${RIGHT_TO_LEFT}])?$`, 'su')
const ANY_LEFT_TO_RIGHT = new RegExp(`(?![${NOT_LEFT_TO_RIGHT}])[\\p{L}\\p{Mc}\\p{Nl}${SIGNS}]`, 'u')

/**
 * A name or password prepared for comparison (SASLprep, RFC 4013). Undefined: it holds what none may hold. Characters
 * younger than Unicode 3.2 are taken as they are, as RFC 8265, its successor, has it.
 */
export const saslPrep = (text: string): string | undefined => {
  if (/^[ -~]*$/.test(text)) return text
  const prepared = text.replace(A_SPACE, ' ').replace(ANY_NOTHING, '').normalize('NFKC')
  if (ANY_PROHIBITED.test(prepared)) return undefined
  if (!ANY_RIGHT_TO_LEFT.test(prepared)) return prepared
  return WITHIN_RIGHT_TO_LEFT.test(prepared) && !ANY_LEFT_TO_RIGHT.test(prepared) ? prepared : undefined
}
