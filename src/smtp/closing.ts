/** Sessions to be told when their server closes. They share one listener a signal: one each would cost as much as a command. */
export class Closing {
  readonly #watched = new WeakMap<AbortSignal, Set<() => void>>()

  /** Runs it when the signal is aborted, if it is not let go before. */
  watch(signal: AbortSignal, run: () => void): { letGo(): void } {
    const all = this.#watched.get(signal) ?? this.#begin(signal)
    all.add(run)
    return { letGo: () => void all.delete(run) }
  }

  #begin(signal: AbortSignal): Set<() => void> {
    const all = new Set<() => void>()
    this.#watched.set(signal, all)
    const tell = () => {
      for (const run of [...all]) run()
    }
    signal.addEventListener('abort', tell, { once: true })
    return all
  }
}
