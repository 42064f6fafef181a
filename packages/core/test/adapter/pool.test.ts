import { afterEach, describe, expect, it } from 'vitest';
import { DialBoard } from '../../src/adapter/dialBoard.js';
import { ManualTiming } from '../../src/conformance/manualTiming.js';
import { WatchError } from '../../src/index.js';
import { type Connection, LinkedAbort, Pool } from '../../src/internal.js';

const { signal } = new AbortController();
const refused = (endpoint: string): WatchError => new WatchError('UNREACHABLE', `${endpoint} refused.`);
const turns = async (count = 5): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
};

class Fake implements Connection {
  closed = false;
  readonly endpoint: string;

  constructor(endpoint: string) {
    this.endpoint = endpoint;
  }

  close(): void {
    this.closed = true;
  }
}

/** A pool whose clock stands, with endpoints in the order given, and dials that the test decides. */
class Stage {
  readonly timing = Object.assign(new ManualTiming(), { random: () => this.random });
  readonly dials: { endpoint: string; at: number }[] = [];
  /** Endpoints that answer. */
  readonly up = new Set<string>();
  random = 0.999;
  readonly dialBoard: DialBoard;
  readonly pool: Pool<Fake>;

  constructor(endpoints: string[], beside?: Stage) {
    this.dialBoard = beside?.dialBoard ?? new DialBoard();
    if (beside !== undefined) Object.assign(this, { timing: beside.timing, dials: beside.dials, up: beside.up });
    this.pool = new Pool<Fake>({
      endpoints,
      timing: this.timing,
      scheme: 'fake',
      dials: this.dialBoard,
      open: (endpoint) => new Fake(endpoint),
      dial: async ({ endpoint }) => {
        this.dials.push({ endpoint, at: this.timing.now() });
        if (!this.up.has(endpoint)) throw refused(endpoint);
      },
    });
    this.random = 0;
  }

  async lease(): Promise<string> {
    return (await this.pool.acquire(signal)).endpoint;
  }

  /** The endpoint whose turn it is fails. */
  async fail(error?: WatchError): Promise<WatchError> {
    const connection = await this.pool.acquire(signal);
    return this.pool.failed(connection, error ?? refused(connection.endpoint));
  }

  async pass(ms: number): Promise<void> {
    this.timing.advance(ms);
    await turns();
  }
}

const stages: Stage[] = [];
const setUp = (...endpoints: string[]): Stage => {
  const stage = new Stage(endpoints);
  stages.push(stage);
  return stage;
};
afterEach(() => {
  for (const { pool } of stages.splice(0)) pool.close('over');
});

describe('one endpoint', () => {
  it('is used until it fails; then all wait for the same dial, however many they are', async () => {
    const stage = setUp('a');
    expect(await stage.fail()).toMatchObject({ code: 'UNREACHABLE', pacedMs: expect.any(Number) });
    const outcomes = Array.from({ length: 200 }, () => stage.lease().catch((error: WatchError) => error.code));
    await stage.pass(0);
    expect(stage.dials).toHaveLength(1);
    expect(new Set(await Promise.all(outcomes))).toEqual(new Set(['UNREACHABLE']));
  });

  it('is dialled every 0.5 to 1 s for as long as anybody waits, and no longer', async () => {
    const stage = setUp('a');
    await stage.fail();
    for (let i = 0; i < 20; i++) {
      stage.random = (i % 10) / 10;
      const waiting = stage.lease().catch(() => 'failed');
      await stage.pass(1_000);
      expect(await waiting).toBe('failed');
    }
    const gaps = stage.dials.slice(1).map(({ at }, i) => at - (stage.dials[i]?.at ?? 0));
    expect(stage.dials.length).toBeGreaterThanOrEqual(19);
    for (const gap of gaps) expect(gap).toBeGreaterThanOrEqual(500);
    const before = stage.dials.length;
    await stage.pass(60_000);
    expect(stage.dials).toHaveLength(before);
  });

  it('all that waited go on when a dial gets through, by the connection that was dialled', async () => {
    const stage = setUp('a');
    const lost = await stage.pool.acquire(signal);
    stage.pool.failed(lost, refused('a'));
    expect(lost.closed).toBe(true);
    stage.up.add('a');
    const all = Array.from({ length: 200 }, () => stage.pool.acquire(signal));
    await stage.pass(250);
    const connections = new Set(await Promise.all(all));
    expect(connections.size).toBe(1);
    expect(stage.dials).toHaveLength(1);
    expect(connections.has(lost)).toBe(false);
  });

  it('an endpoint that answers for a moment only is not dialled without a pause', async () => {
    const stage = setUp('a');
    stage.up.add('a');
    await stage.fail();
    await stage.pass(0);
    for (let i = 0; i < 5; i++) {
      const waiting = stage.pool.acquire(signal);
      await stage.pass(500);
      stage.pool.failed(await waiting, refused('a'));
    }
    const gaps = stage.dials.slice(1).map(({ at }, i) => at - (stage.dials[i]?.at ?? 0));
    for (const gap of gaps) expect(gap).toBeGreaterThanOrEqual(500);
  });

  it('a failure that is not of the link is paced by whoever had it', async () => {
    const stage = setUp('a');
    expect((await stage.fail(new WatchError('BAD_RESPONSE', 'a page'))).pacedMs).toBeUndefined();
    const forbidden = new WatchError('FORBIDDEN', 'no');
    const connection = await dialled(stage);
    expect(stage.pool.failed(connection, forbidden)).toBe(forbidden);
    expect(connection.closed).toBe(false);
  });

  it('a Retry-After of years is believed up to an hour', async () => {
    const stage = setUp('a');
    const busy = new WatchError('UNAVAILABLE', 'busy', { retryAfterMs: 999_999_999_000 });
    expect(await stage.fail(busy)).toMatchObject({ retryAfterMs: 3_600_000 });
  });

  it('Retry-After is left to whoever asks, and nobody else asks before it is over', async () => {
    const stage = setUp('a');
    const busy = new WatchError('UNAVAILABLE', 'busy', { retryAfterMs: 20_000 });
    expect(await stage.fail(busy)).toMatchObject({ retryAfterMs: 20_000, pacedMs: undefined });
    await stage.pass(5_000);
    await expect(stage.lease()).rejects.toMatchObject({ retryAfterMs: 15_000 });
    await stage.pass(15_000);
    await expect(stage.lease()).resolves.toBe('a');
    expect(stage.dials).toHaveLength(0);
  });

  it('an abort ends the wait, and the dialling with the last that waited', async () => {
    const stage = setUp('a');
    stage.random = 0.5;
    await stage.fail();
    const abort = new AbortController();
    using linked = new LinkedAbort(abort.signal);
    const waiting = stage.pool.acquire(linked.signal);
    abort.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await stage.pass(60_000);
    expect(stage.dials).toHaveLength(0);
  });

  it('a close rejects whoever waits, and closes connections', async () => {
    const stage = setUp('a', 'b');
    const connection = await stage.pool.acquire(signal);
    stage.pool.close('over');
    expect(connection.closed).toBe(true);
    await expect(stage.lease()).rejects.toMatchObject({ code: 'CLOSED' });
  });
});

describe('several pools of one process', () => {
  it('one of them dials for all; when it gets through each has a connection of its own', async () => {
    const first = setUp('a');
    const second = new Stage(['a'], first);
    stages.push(second);
    for (const stage of [first, second]) await stage.fail();
    const waits = (): Promise<unknown>[] => [first, second].map((stage) => stage.lease().catch((error) => error.code));
    let waiting = waits();
    await first.pass(250);
    expect(await Promise.all(waiting)).toEqual(['UNREACHABLE', 'UNREACHABLE']);
    expect(first.dials).toHaveLength(1);
    first.up.add('a');
    waiting = waits();
    await first.pass(1_000);
    expect(await Promise.all(waiting)).toEqual(['a', 'a']);
    expect(first.dials).toHaveLength(3);
  });

  it('when the one that dials is not needed any more another goes on', async () => {
    const first = setUp('a');
    first.random = 0.5;
    const second = new Stage(['a'], first);
    stages.push(second);
    for (const stage of [first, second]) await stage.fail();
    const abort = new AbortController();
    const given = first.pool.acquire(abort.signal);
    await turns();
    const other = second.lease();
    await turns();
    abort.abort(new Error('enough'));
    await expect(given).rejects.toThrow('enough');
    first.up.add('a');
    await first.pass(1_000);
    await expect(other).resolves.toBe('a');
  });
});

/** Fails what there is and gives the connection that a dial brings. */
async function dialled(stage: Stage): Promise<Fake> {
  stage.up.add('a');
  const waiting = stage.pool.acquire(signal);
  await stage.pass(1_000);
  return waiting;
}

describe('several endpoints', () => {
  it('stays with the one that works', async () => {
    const stage = setUp('a', 'b', 'c');
    expect(await stage.lease()).toBe('a');
    stage.pool.succeeded(await stage.pool.acquire(signal));
    expect(await stage.lease()).toBe('a');
  });

  it('S25 moves on from the one that fails, and names each when none works', async () => {
    const stage = setUp('a', 'b', 'c');
    expect(await stage.fail()).toMatchObject({ code: 'UNREACHABLE', message: 'a refused.', pacedMs: 0 });
    expect(await stage.fail()).toMatchObject({ code: 'UNREACHABLE', message: 'b refused.', pacedMs: 0 });
    expect(await stage.fail()).toMatchObject({
      code: 'NO_HEALTHY_ENDPOINT',
      message: 'No endpoint works (a refused; b refused; c refused).',
    });
  });

  it('S25 when none works each is dialled, and the first that answers is used', async () => {
    const stage = setUp('a', 'b', 'c');
    for (let i = 0; i < 3; i++) await stage.fail();
    stage.up.add('b');
    const waiting = stage.lease();
    await stage.pass(250);
    expect(await waiting).toBe('b');
    expect(new Set(stage.dials.map(({ endpoint }) => endpoint))).toEqual(new Set(['a', 'b', 'c']));
  });

  it('S26 whoever loses a connection that worked moves within 250 ms, at random', async () => {
    const stage = setUp('a', 'b');
    stage.pool.succeeded(await stage.pool.acquire(signal));
    stage.random = 0.5;
    expect(await stage.fail()).toMatchObject({ pacedMs: 125 });
    const moving = stage.lease();
    await stage.pass(124);
    expect(await Promise.race([moving, turns().then(() => 'waits')])).toBe('waits');
    await stage.pass(1);
    expect(await moving).toBe('b');
  });

  it('S75 one that fell silent, or that asks to be left alone, holds up no other', async () => {
    const stage = setUp('a', 'b');
    expect(await stage.fail(new WatchError('SILENT', 'nothing'))).toMatchObject({ pacedMs: 0 });
    expect(await stage.lease()).toBe('b');
    const busy = new WatchError('UNAVAILABLE', 'busy', { retryAfterMs: 20_000 });
    const other = setUp('a', 'b');
    expect(await other.fail(busy)).toMatchObject({ pacedMs: 0, retryAfterMs: undefined });
    expect(await other.lease()).toBe('b');
    // When all ask for patience, the shortest counts.
    const shorter = new WatchError('UNAVAILABLE', 'busy', { retryAfterMs: 5_000 });
    expect(await other.fail(shorter)).toMatchObject({ retryAfterMs: 5_000 });
  });

  it("S53 one member's refused certificate is fatal only when no member's is accepted", async () => {
    const stage = setUp('a', 'b');
    const wrongAuthority = new WatchError('TLS', 'wrong authority');
    expect(await stage.fail(wrongAuthority)).toMatchObject({ code: 'UNREACHABLE', cause: wrongAuthority });
    expect(await stage.fail(wrongAuthority)).toBe(wrongAuthority);
    const alone = setUp('a');
    expect(await alone.fail(wrongAuthority)).toBe(wrongAuthority);
  });

  it('one outage fails all watches of an endpoint, and counts once', async () => {
    const stage = setUp('a', 'b');
    const watches = await Promise.all([1, 2, 3, 4].map(() => stage.pool.acquire(signal)));
    for (const watch of watches) expect(stage.pool.failed(watch, refused('a')).code).toBe('UNREACHABLE');
    expect(await stage.lease()).toBe('b');
  });

  it('an address that is given twice is one endpoint', () => {
    expect(setUp('a', 'a', 'b').pool.size).toBe(2);
  });
});
