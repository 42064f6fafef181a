import { once } from 'node:events';
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { BodyReader } from '../../src/queries/bodyReader.js';
import type { Pair } from '../../src/queries/entries.js';
import type { DecodeItems } from '../../src/queries/query.js';
import { JumpingTiming } from '../fakeTiming.js';

const CHUNK_BYTES = 64 * 1024;
const items = Array.from({ length: 20_000 }, (_, i) => ({ Key: `k${i}`, Value: 'x'.repeat(50) }));
const entry = { value: new Uint8Array() };

function chunksOf(body: string): Buffer[] {
  const bytes = Buffer.from(body);
  return Array.from({ length: Math.ceil(bytes.length / CHUNK_BYTES) }, (_, i) =>
    bytes.subarray(i * CHUNK_BYTES, (i + 1) * CHUNK_BYTES),
  );
}

const decode: DecodeItems = (json) =>
  Array.isArray(json) ? { pairs: json.map(({ Key }): Pair => [Key, entry]), malformed: 1 } : undefined;

function reading(body: string, { decoder = decode, timing = new JumpingTiming() } = {}): BodyReader {
  return Readable.from(chunksOf(body)).pipe(new BodyReader({ isList: true, decode: decoder, timing }));
}

test('gathers all entries in order, and what made no sense', async () => {
  const parsed = await reading(JSON.stringify(items)).parsed();
  expect(parsed?.pairs.map(([key]) => key)).toEqual(items.map(({ Key }) => Key));
  expect(parsed?.malformed).toBeGreaterThan(1);
});

test('S63 the event loop turns after 5 ms of work, and the work is counted', async () => {
  const timing = new JumpingTiming();
  let turns = 0;
  const workBetweenTurns: number[] = [0];
  const turn = (): void => {
    turns++;
    workBetweenTurns.push(0);
  };
  let work = 0;
  const decoder: DecodeItems = (json) => {
    // Each piece takes 2 ms, and every other turn of the event loop belongs to somebody else.
    timing.pass(2);
    work += 2;
    workBetweenTurns[turns] = (workBetweenTurns[turns] ?? 0) + 2;
    return decode(json);
  };
  let running = true;
  const others = (async () => {
    while (running) {
      await new Promise((resolve) => setImmediate(resolve));
      turn();
    }
  })();
  const reader = reading(JSON.stringify(items), { decoder, timing });
  await reader.parsed();
  running = false;
  await others;
  expect(work).toBeGreaterThan(30);
  expect(Math.max(...workBetweenTurns)).toBeLessThanOrEqual(2 * 6);
  // And 1.5 ms for each MB that was received.
  const bytes = Buffer.byteLength(JSON.stringify(items));
  expect(reader.costMs).toBeCloseTo(work + (bytes / 1e6) * 1.5);
});

test('what is no such answer is read to its end, and not parsed', async () => {
  for (const body of ['', '{"a":1}', '<html>', JSON.stringify(items).slice(0, -1)]) {
    const reader = reading(body);
    await once(reader, 'finish');
    await expect(reader.parsed()).resolves.toBeUndefined();
  }
});

test('a defect in reading is not taken for a bad answer', async () => {
  const decoder: DecodeItems = () => {
    throw new TypeError('a defect');
  };
  await expect(reading(JSON.stringify(items), { decoder }).parsed()).rejects.toThrowError('a defect');
});
