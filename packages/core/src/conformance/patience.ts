import { AsyncLocalStorage } from 'node:async_hooks';

/** How long a test waits for what must come. Not a promise: only so that a failure says what it waited for. */
const PATIENCE_MS = 20_000;

const patience = new AsyncLocalStorage<number>();

/** Runs a test whose waits may take so long, ms. */
export function withinPatience<T>(ms: number | undefined, run: () => T): T {
  return patience.run(ms ?? PATIENCE_MS, run);
}

/** The promise's outcome. @throws an Error that names what did not come. */
export function withPatience<T>(what: string, promise: PromiseLike<T>): Promise<T> {
  return within(patience.getStore() ?? PATIENCE_MS, what, promise);
}

/** The promise's outcome. @throws an Error that names what did not come within `ms`. */
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

/** Real time for the backend to answer in. */
export async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

/** Lets the event loop turn: timers that are due, I/O that is there, and what follows from them. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}
