import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { LinkedAbort, untilAborted } from '../../src/runtime/abort.js';

const listeners = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length;

describe('LinkedAbort', () => {
  it('follows any of its signals, with that one’s reason, and lets go of all', () => {
    const [a, b] = [new AbortController(), new AbortController()];
    const linked = new LinkedAbort(a.signal, undefined, b.signal);
    b.abort('b');
    expect(linked.signal.reason).toBe('b');
    expect([listeners(a.signal), listeners(b.signal)]).toEqual([0, 0]);
  });

  it('is aborted from the start by a signal that was aborted before', () => {
    const [a, b] = [new AbortController(), new AbortController()];
    b.abort('before');
    expect(new LinkedAbort(a.signal, b.signal).signal.reason).toBe('before');
    expect(listeners(a.signal)).toBe(0);
  });

  it('leaves nothing on a long-lived signal once it is disposed of', () => {
    const close = new AbortController();
    for (let i = 0; i < 1000; i++) {
      using linked = new LinkedAbort(close.signal);
      expect(linked.signal.aborted).toBe(false);
    }
    expect(listeners(close.signal)).toBe(0);
  });
});

describe('untilAborted', () => {
  it('gives the promise’s outcome and leaves no listener', async () => {
    const { signal } = new AbortController();
    await expect(untilAborted(Promise.resolve(1), signal)).resolves.toBe(1);
    await expect(untilAborted(Promise.reject(new Error('no')), signal)).rejects.toThrow('no');
    await Promise.resolve();
    expect(listeners(signal)).toBe(0);
  });

  it('rejects with the reason at once, also when the signal was aborted before', async () => {
    const never = new Promise(() => {});
    const controller = new AbortController();
    const waiting = untilAborted(never, controller.signal);
    controller.abort('stop');
    await expect(waiting).rejects.toBe('stop');
    await expect(untilAborted(never, controller.signal)).rejects.toBe('stop');
  });
});
