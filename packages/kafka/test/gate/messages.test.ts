import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AnswerError } from '../../src/gate/answerError.js';
import { readFrame } from '../../src/gate/frames.js';
import {
  API_VERSIONS,
  decodeApiVersions,
  decodeMetadata,
  decodeResponse,
  encodeMetadata,
  encodeRequest,
  METADATA,
  metadataVersion,
} from '../../src/gate/messages.js';
import { bytes, int32, KafkaReader } from '../../src/gate/wire.js';
import { apiVersionsAnswer, metadataAnswer } from '../fakeBroker.js';

const { signal } = new AbortController();

test('requests, byte by byte', () => {
  const none = Buffer.alloc(0);
  expect(encodeRequest(API_VERSIONS, 0, 7, none).toString('hex')).toBe('0000001200120000000000070008726f6c6c63616c6c');
  expect(encodeRequest(METADATA, 4, 8, encodeMetadata()).toString('hex')).toBe(
    '0000001700030004000000080008726f6c6c63616c6c0000000000',
  );
});

test.each([
  ['Kafka 0.11', 0, 4, 4],
  ['Kafka 2.1', 0, 7, 7],
  ['Kafka 4.3', 0, 13, 7],
  ['a broker that knows no old ones', 6, 20, 7],
])('Metadata is asked for in a version that %s knows', (_, min, max, version) => {
  expect(metadataVersion(decodeApiVersions(new KafkaReader(apiVersionsAnswer(METADATA.key, min, max))))).toBe(version);
});

test.each([
  [0, 3, 'versions 0 to 3'],
  [8, 13, 'versions 8 to 13'],
])('a broker that knows Metadata from %i to %i only is refused', (min, max, why) => {
  const versions = decodeApiVersions(new KafkaReader(apiVersionsAnswer(METADATA.key, min, max)));
  expect(() => metadataVersion(versions)).toThrow(why);
});

test.each([
  ['52', 'it is the port of a KRaft controller'],
  ['36', 'it has no Metadata'],
])('what does not know Metadata, but the API %s, is no listener for clients', (key, why) => {
  const versions = decodeApiVersions(new KafkaReader(apiVersionsAnswer(Number(key), 0, 2)));
  expect(() => metadataVersion(versions)).toThrow(`${why}`);
  expect(() => metadataVersion(versions)).toThrow("register the address of a broker's listener");
});

describe('Metadata', () => {
  const brokers = [
    { host: 'B1', port: 9092 },
    { host: '::1', port: 9093 },
  ];

  test('names the cluster, and where its brokers are', () => {
    expect(decodeMetadata(new KafkaReader(metadataAnswer('orders', brokers, 'rack-1')))).toEqual({
      clusterId: 'orders',
      brokers: [
        { nodeId: 1, host: 'b1', port: 9092, rack: 'rack-1' },
        { nodeId: 2, host: '::1', port: 9093, rack: 'rack-1' },
      ],
    });
  });

  test('that names no cluster is refused', () => {
    for (const none of [undefined, '']) {
      expect(() => decodeMetadata(new KafkaReader(metadataAnswer(none, brokers)))).toThrow('it names no cluster id');
    }
  });

  test('that is cut off anywhere before its cluster id is refused', () => {
    const whole = metadataAnswer('orders', brokers, 'rack-1');
    // What follows the cluster id is not read.
    for (let length = 0; length < whole.length - 8; length++) {
      expect(() => decodeMetadata(new KafkaReader(whole.subarray(0, length)))).toThrow(AnswerError);
    }
  });
});

test('whatever bytes come, they are decoded or refused as an answer', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (content, whole) => {
      const frame = Buffer.from(content);
      try {
        const reader = decodeResponse(whole ? Buffer.concat([int32(1), frame]) : frame, 1);
        decodeMetadata(reader);
      } catch (error) {
        expect(error).toBeInstanceOf(AnswerError);
      }
    }),
  );
});

describe('a frame', () => {
  test('is read whole, however it comes, and what follows stays', async () => {
    const stream = new PassThrough();
    const reading = readFrame(stream, signal);
    for (const byte of bytes(Buffer.from('answer'))) stream.write(Buffer.of(byte));
    stream.write('rest');
    expect(String(await reading)).toBe('answer');
    expect(stream.listenerCount('readable')).toBe(0);
    stream.end();
    expect(String(Buffer.concat(await stream.toArray()))).toBe('rest');
  });

  test('several in one piece are read one by one', async () => {
    const stream = new PassThrough();
    stream.write(Buffer.concat([bytes(Buffer.from('one')), bytes(Buffer.from('two'))]));
    expect([String(await readFrame(stream, signal)), String(await readFrame(stream, signal))]).toEqual(['one', 'two']);
  });

  test('larger than what a stream holds is read whole', async () => {
    const stream = new PassThrough();
    const large = Buffer.alloc(500_000, 'x');
    stream.write(bytes(large));
    expect((await readFrame(stream, signal)).equals(large)).toBe(true);
  });

  test('of more than 1 MiB is refused before it is read', async () => {
    const stream = new PassThrough();
    stream.write(int32(1024 * 1024 + 1));
    await expect(readFrame(stream, signal)).rejects.toThrow('its answer would be 1048577 bytes long');
  });

  test('an abort ends the wait, and leaves no listener', async () => {
    const stream = new PassThrough();
    const stop = new AbortController();
    const reading = readFrame(stream, stop.signal);
    stop.abort(new Error('stopped'));
    await expect(reading).rejects.toThrow('stopped');
    await expect(readFrame(stream, stop.signal)).rejects.toThrow('stopped');
    expect(stream.listenerCount('readable') + stream.listenerCount('error')).toBe(0);
  });
});
