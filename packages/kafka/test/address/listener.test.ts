import { formatEndpoint } from '@rollcall/core';
import { expect, test } from 'vitest';
import { parseEndpoint } from '../../src/address/endpoint.js';
import { type Candidate, listenerChoice, PROTOCOLS } from '../../src/address/listener.js';

/** `CLIENT=SSL://b1:1` is the listener CLIENT, whose protocol is SSL; `=SSL://` a protocol alone. */
function candidate(text: string): Candidate {
  const [, listener, mapped, address = text] = /^([A-Z_]*)(?:=([A-Z_]+))?:\/\/(.*)$/.exec(text) ?? [];
  const protocol = mapped ?? (PROTOCOLS.includes(listener ?? '') ? listener : undefined);
  return { ...parseEndpoint(address), ...(listener && { listener }), ...(protocol && { protocol }) };
}

/** Each text is a broker, its candidates apart by spaces; `-` where none is taken. */
function taken(brokers: readonly string[], listener?: string): string {
  const all = brokers.map((broker) => broker.split(' ').map(candidate));
  const choice = listenerChoice(all, listener);
  return all
    .map((broker) => choice(broker).taken)
    .map((each) => (each ? formatEndpoint(each) : '-'))
    .join(' ');
}

test.each([
  ['the protocol that most offer', ['SASL_SSL://a:1', 'SASL_SSL://b:1', 'PLAINTEXT://c:1'], 'a:1 b:1 -'],
  ['a broker with both counts for both', ['SSL://a:1 PLAINTEXT://a:2', 'SSL://b:1'], 'a:1 b:1'],
  ['a tie goes to the simpler protocol', ['SASL_SSL://a:1', 'SSL://b:1'], '- b:1'],
  ['whatever the order of the endpoints', ['SASL_SSL://a:4 SSL://a:3 SASL_PLAINTEXT://a:5'], 'a:3'],
  ['two listeners of one protocol are one vote', ['A=SSL://a:1 B=SSL://a:2', 'PLAINTEXT://b:1'], '- b:1'],
  ['of two with one protocol the first', ['A=SSL://a:1 B=SSL://a:2'], 'a:1'],
  ['one that says nothing fits', ['a:1', 'SSL://b:1'], 'a:1 b:1'],
  ['one that says nothing has no vote', ['a:1', 'b:1', 'SSL://c:1'], 'a:1 b:1 c:1'],
  ['but what says so comes first', ['a:1 SSL://a:2'], 'a:2'],
  ['protocols by the map, not by name', ['SSL=SASL_SSL://a:1', 'SSL=SASL_SSL://b:1', 'SSL://c:1'], 'a:1 b:1 -'],
  ['unknown protocols are told apart by name', ['X://a:1', 'Y://b:1'], 'a:1 -'],
  ['a known one before an unknown', ['A://a:1', 'SASL_SSL://b:1'], '- b:1'],
  ['nobody says anything', ['a:1', 'b:1'], 'a:1 b:1'],
  ['nobody', [], ''],
])('without a listener, %s: %j', (_, brokers, list) => {
  expect(taken(brokers)).toBe(list);
});

test.each([
  ['SASL_SSL', ['SASL_SSL://a:1 PLAINTEXT://a:2', 'PLAINTEXT://b:2'], 'a:1 -'],
  ['sasl_ssl', ['SASL_SSL://a:1'], 'a:1'],
  ['SSL', ['CLIENT=SSL://a:1 INTERNAL=PLAINTEXT://a:2'], 'a:1'],
  ['Client', ['INTERNAL=SSL://a:2 CLIENT=SSL://a:1'], 'a:1'],
  ['SSL', ['CLIENT=SSL://a:1 SSL=SASL_SSL://a:2'], 'a:2'],
  ['SSL', ['=SSL://a:1', 'b:1', 'PLAINTEXT://c:1'], 'a:1 b:1 -'],
  ['OTHER', ['SSL://a:1'], '-'],
])('with the listener %s: %j', (listener, brokers, list) => {
  expect(taken(brokers, listener)).toBe(list);
});

test('what is left out has a reason', () => {
  const broker = ['CLIENT=SSL://a:1', 'B=SSL://a:2', 'X://a:3', 'a:4'].map(candidate);
  expect(listenerChoice([broker])(broker).leftOut.map(({ reason }) => reason)).toEqual([
    'its listener is B, SSL; another of this broker is taken',
    'its listener is X; the list is of SSL',
    'it names no listener; another of this broker is taken',
  ]);
});
