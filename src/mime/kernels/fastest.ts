import type { Kernels } from './kernels.ts'
import { plainKernels } from './plain.ts'
import { simdKernels, type WebAssemblyEngine } from './simd.ts'

/** Undefined where Node runs without one (`--jitless`). */
export const engineHere: WebAssemblyEngine | undefined = (globalThis as { WebAssembly?: WebAssemblyEngine }).WebAssembly

export const kernelsFor = (engine: WebAssemblyEngine | undefined): Kernels => simdKernels(engine) ?? plainKernels

/** The best that runs here. It holds nothing between two calls, so that all share it. */
export const kernels: Kernels = kernelsFor(engineHere)
