import { BrokerAddress } from '@rollcall/core';
import type { Endpoint } from '@rollcall/core/adapter';
import { AnswerError } from './answerError.js';
import type { AdvertisedBroker, ClusterView } from './types.js';
import { bytes, int8, int16, int32, KafkaReader, string } from './wire.js';

/** A question, as Kafka numbers them (https://kafka.apache.org/protocol#protocol_api_keys). */
export interface Api {
  readonly key: number;
  readonly name: string;
}

export const API_VERSIONS: Api = { key: 18, name: 'ApiVersions' };
export const METADATA: Api = { key: 3, name: 'Metadata' };
export const SASL_HANDSHAKE: Api = { key: 17, name: 'SaslHandshake' };
export const SASL_AUTHENTICATE: Api = { key: 36, name: 'SaslAuthenticate' };

/** What only controllers answer: Vote, of KRaft's elections. */
const VOTE = 52;

/** In the broker's request log and metrics. */
const CLIENT_ID = 'rollcall';

/**
 * Versions of Metadata in which a question about no topic, and its answer, are written the same: brokers from 0.11 to
 * 4.x know one of them. Before 4 a question could create topics; from 9 on the encoding is another ("flexible").
 */
const METADATA_VERSIONS = { min: 4, max: 7 };

/** Of an API, what a broker can do. */
export interface VersionRange {
  readonly min: number;
  readonly max: number;
}

/** One request with its length in front. */
export function encodeRequest(api: Api, version: number, correlationId: number, body: Buffer): Buffer {
  const header = [int16(api.key), int16(version), int32(correlationId), string(CLIENT_ID)];
  return bytes(Buffer.concat([...header, body]));
}

/** The body of an answer. @throws AnswerError when it is to another question. */
export function decodeResponse(frame: Buffer, correlationId: number): KafkaReader {
  const reader = new KafkaReader(frame);
  if (reader.int32() !== correlationId) throw new AnswerError('it answers another question');
  return reader;
}

/** ApiVersions v0: what a broker can do, by the API's number. Answered before anybody has logged in. */
export function decodeApiVersions(reader: KafkaReader): ReadonlyMap<number, VersionRange> {
  failOn(reader.int16());
  return new Map(reader.array(() => [reader.int16(), { min: reader.int16(), max: reader.int16() }]));
}

/** The version of Metadata to ask in. @throws AnswerError when the broker knows none that we do. */
export function metadataVersion(versions: ReadonlyMap<number, VersionRange>): number {
  const range = versions.get(METADATA.key);
  if (range === undefined) {
    const what = versions.has(VOTE)
      ? 'it is the port of a KRaft controller'
      : 'it has no Metadata, so it is no listener';
    throw new AnswerError(`${what}, which clients cannot use: register the address of a broker's listener`);
  }
  const { min, max } = range;
  const version = Math.min(max, METADATA_VERSIONS.max);
  if (version >= Math.max(min, METADATA_VERSIONS.min)) return version;
  throw new AnswerError(`it knows Metadata in versions ${min} to ${max} only; Kafka 0.11 or newer is needed`);
}

/** A question about the cluster and about no topic, so that no right on any is needed, and none is created. */
export function encodeMetadata(): Buffer {
  return Buffer.concat([int32(0), int8(0)]);
}

export function decodeMetadata(reader: KafkaReader): ClusterView {
  reader.int32(); // throttle time
  const brokers = reader.array((): AdvertisedBroker => {
    const nodeId = reader.int32();
    const endpoint = advertised(reader.string(), reader.int32());
    const rack = reader.nullableString();
    return { nodeId, ...endpoint, ...(rack === undefined ? {} : { rack }) };
  });
  const clusterId = reader.nullableString();
  if (!clusterId) throw new AnswerError('it names no cluster id');
  return { clusterId, brokers };
}

/** SaslHandshake v1: the mechanism is followed by SaslAuthenticate. */
export function encodeSaslHandshake(mechanism: string): Buffer {
  return string(mechanism);
}

/** The error, 0 for none, and the mechanisms that the broker takes. */
export function decodeSaslHandshake(reader: KafkaReader): { readonly error: number; readonly mechanisms: string[] } {
  return { error: reader.int16(), mechanisms: reader.array(() => reader.string()) };
}

/** SaslAuthenticate v0. */
export function encodeSaslAuthenticate(message: Buffer): Buffer {
  return bytes(message);
}

/** The broker's own words on an error are left out: they might quote what it was sent. */
export function decodeSaslAuthenticate(reader: KafkaReader): { readonly error: number; readonly message: Buffer } {
  const error = reader.int16();
  reader.nullableString();
  return { error, message: reader.bytes() };
}

/** Canonical where it is an address at all; otherwise as it was advertised, and no allow-list lets it through. */
function advertised(host: string, port: number): Endpoint {
  try {
    const address = BrokerAddress.of(host, port);
    return { host: address.host, port: address.port };
  } catch {
    return { host, port };
  }
}

function failOn(error: number): void {
  if (error !== 0) throw new AnswerError(`it answers with error ${error}`);
}
