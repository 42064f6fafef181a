/** A controller that follows the signals. Abort it when its work is done: that lets go of them. */
export function follow(...signals: readonly AbortSignal[]): AbortController {
  const controller = new AbortController();
  for (const signal of signals) {
    const abort = (): void => controller.abort(signal.reason);
    if (signal.aborted) abort();
    // AbortSignal.any on Node 20 would stay with a long-lived signal.
    else signal.addEventListener('abort', abort, { once: true, signal: controller.signal });
  }
  return controller;
}
