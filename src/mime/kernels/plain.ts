import type { Kernels } from './kernels.ts'
import { plainBase64 } from './plain-base64.ts'
import { plainQuotedPrintable } from './plain-qp.ts'
import { plainScan } from './plain-scan.ts'

/** Where there is no WebAssembly with SIMD. */
export const plainKernels: Kernels = {
  name: 'plain',
  scan: plainScan,
  quotedPrintable: plainQuotedPrintable,
  base64: plainBase64,
}
