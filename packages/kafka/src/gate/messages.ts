import { BrokerAddress } from '@rollcall/core';
import type { Endpoint } from '@rollcall/core/adapter';
import { AnswerError } from './answerError.js';
import type { AdvertisedBroker, ClusterView } from './types.js';
import { bytes, int8, int16, int32, KafkaReader, string } from './wire.js';

/** The API keys of the requests that are sent (https://kafka.apache.org/protocol#protocol_api_keys). */
export interface Api {
  readonly key: number;
  readonly name: string;
}

export const API_VERSIONS: Api = { key: 18, name: 'ApiVersions' };
export const METADATA: Api = { key: 3, name: 'Metadata' };
export const SASL_HANDSHAKE: Api = { key: 17, name: 'SaslHandshake' };
export const SASL_AUTHENTICATE: Api = { key: 36, name: 'SaslAuthenticate' };

/** Vote, of KRaft's elections: only controllers support it. */
const VOTE = 52;

/** The client id, which appears in the broker's request log and metrics. */
const CLIENT_ID = 'rollcall';

/**
 * Versions of Metadata in which a request for no topic and its answer have the same encoding. Brokers from 0.11 to 4.x
 * support one of them. Before version 4 a request could create topics; from 9 on the encoding is "flexible".
 */
const METADATA_VERSIONS = { min: 4, max: 7 };

/** The versions of one API that a broker supports. */
export interface VersionRange {
  readonly min: number;
  readonly max: number;
}

/** Encodes one request, its length first. */
export function encodeRequest(api: Api, version: number, correlationId: number, body: Buffer): Buffer {
  const header = [int16(api.key), int16(version), int32(correlationId), string(CLIENT_ID)];
  return bytes(Buffer.concat([...header, body]));
}

/** Reads an answer up to its body. @throws AnswerError if it answers another request. */
export function decodeResponse(frame: Buffer, correlationId: number): KafkaReader {
  const reader = new KafkaReader(frame);
  if (reader.int32() !== correlationId) throw new AnswerError('it answers another question');
  return reader;
}

/** ApiVersions v0: the versions that a broker supports, by API key. Answered before a login, too. */
export function decodeApiVersions(reader: KafkaReader): ReadonlyMap<number, VersionRange> {
  failOn(reader.int16());
  return new Map(reader.array(() => [reader.int16(), { min: reader.int16(), max: reader.int16() }]));
}

/** The version of Metadata to use. @throws AnswerError if the broker supports none of ours. */
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

/** A Metadata request for no topic: it needs no right on any topic, and creates none. */
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

/** SaslHandshake v1, which is followed by SaslAuthenticate. */
export function encodeSaslHandshake(mechanism: string): Buffer {
  return string(mechanism);
}

/** The error code (0: none) and the mechanisms that the broker accepts. */
export function decodeSaslHandshake(reader: KafkaReader): { readonly error: number; readonly mechanisms: string[] } {
  return { error: reader.int16(), mechanisms: reader.array(() => reader.string()) };
}

/** SaslAuthenticate v0. */
export function encodeSaslAuthenticate(message: Buffer): Buffer {
  return bytes(message);
}

/** The broker's own error text is dropped: it might quote what it was sent, a password. */
export function decodeSaslAuthenticate(reader: KafkaReader): { readonly error: number; readonly message: Buffer } {
  const error = reader.int16();
  reader.nullableString();
  return { error, message: reader.bytes() };
}

/** The canonical address, or the advertised text if that is no address; no allow-list matches such a text. */
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
