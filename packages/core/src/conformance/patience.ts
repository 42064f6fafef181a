import { AsyncLocalStorage } from 'node:async_hooks';

/** Default time of a wait, ms. It is no promise: it makes a failure say what was waited for. */
const PATIENCE_MS = 20_000;

const patience = new AsyncLocalStorage<number>();

/** Runs a test with another time for its waits, ms. */
export function withinPatience<T>(ms: number | undefined, run: () => T): T {
  return patience.run(ms ?? PATIENCE_MS, run);
}

/** The promise's result. @throws Error that names what did not come. */
export function withPatience<T>(what: string, promise: PromiseLike<T>): Promise<T> {
  return within(patience.getStore() ?? PATIENCE_MS, what, promise);
}

/** The promise's result. @throws Error that names what did not come within `ms`. */
export async function within<T>(ms: number, what: string, promise: PromiseLike<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Waited ${ms} ms in vain for ${what}.`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Lets real time pass, for the backend to answer. */
export async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

/** Lets the event loop turn `count` times: due timers and I/O run. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}
