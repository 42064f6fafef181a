import { vi } from 'vitest';

/**
 * Opens a client that shuffles its endpoints (Fisher-Yates with `Math.random`), so that it tries them in this order:
 * for tests in which the bad ones come first. Check which one was tried.
 */
export function inOrder<T>(endpoints: readonly string[], open: () => T): T {
  const items = [...endpoints].sort();
  const random = vi.spyOn(Math, 'random');
  for (let last = items.length - 1; last > 0; last--) {
    const chosen = items.indexOf(endpoints[last] as string);
    random.mockReturnValueOnce((chosen + 0.5) / (last + 1));
    [items[last], items[chosen]] = [items[chosen] as string, items[last] as string];
  }
  try {
    return open();
  } finally {
    random.mockRestore();
  }
}
