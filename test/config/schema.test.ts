import { readFile } from 'node:fs/promises';
import { Ajv } from 'ajv';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { BROKERS_KEYS } from '../../packages/rollcall/src/config/brokers.js';
import { parseConfig, WATCH_KEYS } from '../../packages/rollcall/src/config/config.js';

const schema = JSON.parse(
  await readFile(new URL('../../packages/rollcall/rollcall.schema.json', import.meta.url), 'utf8'),
);
const validate = new Ajv({ strict: false }).compile(schema);
const inputs = { env: {}, readFile: () => 'pem', checkUrl: () => {}, loadAdapters: () => [] };

const watch = (fields: string): string => `watches:\n  a:\n    source: file:./a.yaml\n${fields}`;

test('the schema for editors has the keys of the parser', () => {
  expect(Object.keys(schema.definitions.watch.properties).sort()).toEqual([...WATCH_KEYS].sort());
  expect(Object.keys(schema.definitions.brokers.properties).sort()).toEqual([...BROKERS_KEYS].sort());
});

test.each([
  [true, watch('')],
  [true, watch('    maxProofAgeMs: 4000\n    maxMessageBytes: 2097152\n    checkpoint: a.checkpoint\n')],
  [
    true,
    watch(
      '    brokers: {listener: SSL, allow: [a, 10.0.0.0/8], probe: true, limit: 3, minBrokers: 2, fallback: [a]}\n',
    ),
  ],
  [true, watch('    brokers: {probe: {timeoutMs: 500}, clusterId: x}\n')],
  [true, `adapters: [rollcall-adapter-http]\n${watch('    adapterOptions: {intervalMs: 500}\n')}`],
  [false, `adapters: rollcall-adapter-http\n${watch('')}`],
  [false, watch('    adapterOptions: 5\n')],
  [true, watch('    ca: a.pem\n    insecureSkipVerify: true\n    serverName: x\n')],
  [false, watch('    sorce: x\n')],
  [false, watch('    token: 5\n')],
  [false, watch('    insecureSkipVerify: "yes"\n')],
  [false, watch('    maxMessageBytes: -1\n')],
  [false, watch('    brokers: {allowed: [a]}\n')],
  [false, watch('    brokers: {allow: []}\n')],
  [false, watch('    brokers: {allow: a}\n')],
  [false, watch('    brokers: {probe: {timeout: 5}}\n')],
  [false, watch('    brokers: {limit: 0}\n')],
  [false, 'watches:\n  a: {}\n'],
  [false, 'watches:\n  "a b": {source: "file:./a"}\n'],
  [false, '{}\n'],
  [false, 'watch: {}\n'],
])('schema and parser agree (%s): %j', (isGood, text) => {
  expect(validate(parse(text))).toBe(isGood);
  const read = (): unknown => parseConfig(text, 'rollcall.yaml', inputs);
  if (isGood) expect(read()).toBeDefined();
  else expect(read).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
});

test.each([
  'listener: S3cret pw',
  'allow: ["S3cret pw"]',
  'allow: ["S3cret/99"]',
  'fallback: ["S3cret pw"]',
  'clusterId: ""',
])('an error of a policy quotes no value: %s', (line) => {
  const text = watch(`    brokers:\n      ${line}\n`);
  let message = '';
  try {
    parseConfig(text, 'rollcall.yaml', inputs);
  } catch (error) {
    message = (error as Error).message;
  }
  expect(message).toMatch(
    /^rollcall\.yaml:4: watches\.a\.brokers cannot be used: "(?:listener|allow|fallback|clusterId)/,
  );
  expect(message).not.toContain('S3cret');
});
