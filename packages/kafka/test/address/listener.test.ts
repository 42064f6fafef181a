import { BrokerAddress } from '@rollcall/core';
import { expect, test } from 'vitest';
import { type Candidate, listenerChoice, PROTOCOLS } from '../../src/address/listener.js';

/** `CLIENT=SSL://b1:1` is the listener CLIENT, whose protocol is SSL; `=SSL://` a protocol alone. */
function candidate(text: string): Candidate {
  const [, listener, mapped, address = text] = /^([A-Z_]*)(?:=([A-Z_]+))?:\/\/(.*)$/.exec(text) ?? [];
  const protocol = mapped ?? (PROTOCOLS.includes(listener ?? '') ? listener : undefined);
  return { address: BrokerAddress.parse(address), ...(listener && { listener }), ...(protocol && { protocol }) };
}

/** Each text is a broker, its candidates apart by spaces; `-` where none is taken. */
function taken(brokers: readonly string[], listener?: string): string {
  const all = brokers.map((broker) => broker.split(' ').map(candidate));
  const choice = listenerChoice(all, listener);
  return all
    .map((broker) => choice.of(broker).taken)
    .map((each) => (each ? String(each.address) : '-'))
    .join(' ');
}

test.each([
  ['the protocol that most offer', ['SASL_SSL://a:1', 'SASL_SSL://b:1', 'PLAINTEXT://c:1'], 'a:1 b:1 -'],
  ['a broker with both counts for both', ['SSL://a:1 PLAINTEXT://a:2', 'SSL://b:1'], 'a:1 b:1'],
  ['a tie goes to the simpler protocol', ['SASL_SSL://a:1', 'SSL://b:1'], '- b:1'],
  ['whatever the order of the endpoints', ['SASL_SSL://a:4 SSL://a:3 SASL_PLAINTEXT://a:5'], 'a:3'],
  ['two listeners of one protocol are one vote', ['A=SSL://a:1 B=SSL://a:2', 'PLAINTEXT://b:1'], '- b:1'],
  ['two networks of one protocol are not mixed', ['A=SSL://a:1', 'A=SSL://b:1', 'B=SSL://c:1'], 'a:1 b:1 -'],
  [
    'the one that most can be reached on',
    ['A=SSL://a:1 B=SSL://a:2', 'B=SSL://b:1', 'A=SSL://c:1 B=SSL://c:2'],
    'a:2 b:1 c:2',
  ],
  ['a protocol alone fits the listener that has it', ['A=SSL://a:1', 'A=SSL://b:1', '=SSL://c:1'], 'a:1 b:1 c:1'],
  ['a listener alone fits its protocol', ['A=SSL://a:1', 'A=SSL://b:1', 'A://c:1'], 'a:1 b:1 c:1'],
  ['what says only one part joins no second network', ['A=SSL://a:1', 'B=SSL://b:1', '=SSL://c:1'], 'a:1 - c:1'],
  [
    'those among brokers are for no client',
    ['CONTROLLER=PLAINTEXT://a:1 EXTERNAL=SSL://a:2', 'REPLICATION=PLAINTEXT://b:1'],
    'a:2 -',
  ],
  ['even if there is no other', ['CONTROLLER=PLAINTEXT://a:1', 'INTERBROKER=SSL://b:1', 'BROKER://c:1'], '- - -'],
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
  [
    'EXTERNAL',
    ['EXTERNAL=SSL://a:1', 'EVIL=PLAINTEXT://b:1', 'EVIL=PLAINTEXT://c:1', 'EVIL=PLAINTEXT://d:1'],
    'a:1 - - -',
  ],
  ['SASL_SSL', ['A=SASL_SSL://a:1', 'B=SASL_SSL://b:1', 'EVIL=SSL://c:1', 'EVIL=SSL://d:1'], 'a:1 b:1 - -'],
  ['controller', ['CONTROLLER=PLAINTEXT://a:1', 'BROKER://b:1'], 'a:1 -'],
  ['SSL', ['A://a:1', '=PLAINTEXT://b:1'], 'a:1 -'],
  ['A', ['=SSL://a:1', 'B://b:1'], 'a:1 -'],
])('with the listener %s: %j', (listener, brokers, list) => {
  expect(taken(brokers, listener)).toBe(list);
});

test('what is left out has a reason', () => {
  const broker = ['CLIENT=SSL://a:1', 'B=SSL://a:2', 'X://a:3', 'a:4', 'CONTROLLER=SSL://a:5'].map(candidate);
  const reasons = (wanted?: string): string[] =>
    listenerChoice([broker], wanted)
      .of(broker)
      .leftOut.map(({ reason }) => reason);
  expect(reasons('client')).toEqual([
    'its listener is B, SSL; the list is of CLIENT',
    'its listener is X; the list is of CLIENT',
    'it names no listener; another of this broker is taken',
    'its listener is CONTROLLER, which no client uses unless "listener" names it',
  ]);
  expect(reasons()).toEqual([
    'its listener is CLIENT, SSL; the list is of B, SSL',
    'its listener is X; the list is of B, SSL',
    'it names no listener; another of this broker is taken',
    'its listener is CONTROLLER, which no client uses unless "listener" names it',
  ]);
});

test.each([
  [['INTERNAL=SSL://a:1 EXTERNAL=SSL://a:2'], ['INTERNAL, SSL']],
  [['INTERNAL://a:1 EXTERNAL://a:2', 'INTERNAL://b:1 EXTERNAL://b:2'], ['INTERNAL']],
  [['INTERNAL=SSL://a:1 EXTERNAL=SSL://a:2', 'EXTERNAL=SSL://b:2'], []],
  [['PLAINTEXT://a:1 SSL://a:2'], []],
  [['a:1', 'b:1'], []],
])('where several networks offer as much, the others are named: %j', (brokers, alternatives) => {
  const all = brokers.map((broker) => broker.split(' ').map(candidate));
  expect(listenerChoice(all).alternatives).toEqual(alternatives);
  expect(listenerChoice(all, 'EXTERNAL').alternatives).toEqual([]);
});
