import type { ConnectionOptions } from 'node:tls';
import { loadClient } from './clients.js';

/** The part of kafkajs that the tests call. */
export interface KafkaJs {
  readonly Kafka: new (
    options: KafkaOptions,
  ) => { producer(options: ProducerOptions): KafkaJsProducer; admin(): KafkaJsAdmin };
  readonly Partitioners: { readonly DefaultPartitioner: unknown };
  readonly logLevel: { readonly NOTHING: number };
}

export interface KafkaJsProducer {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  send(record: {
    topic: string;
    acks: number;
    messages: readonly { value: string; partition: number }[];
  }): Promise<unknown>;
}

export interface KafkaJsAdmin {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  createTopics(request: {
    topics: readonly { readonly topic: string; readonly numPartitions: number }[];
    waitForLeaders: boolean;
  }): Promise<unknown>;
  fetchTopicMetadata(request: { topics: readonly string[] }): Promise<{
    topics: readonly {
      partitions: readonly { readonly replicas: readonly number[]; readonly isr: readonly number[] }[];
    }[];
  }>;
  fetchOffsets(request: { groupId: string; topics: readonly string[] }): Promise<
    {
      partitions: readonly { readonly partition: number; readonly offset: string }[];
    }[]
  >;
}

interface Retry {
  readonly retries: number;
  readonly initialRetryTime?: number;
  readonly maxRetryTime?: number;
}

export interface KafkaOptions {
  readonly brokers: readonly string[] | (() => Promise<string[]>);
  readonly logLevel: number;
  readonly connectionTimeout?: number;
  readonly ssl?: ConnectionOptions;
  readonly sasl?: { readonly mechanism: string; readonly username: string; readonly password: string };
  readonly retry: Retry;
}

interface ProducerOptions {
  readonly idempotent: boolean;
  readonly maxInFlightRequests: number;
  readonly allowAutoTopicCreation: boolean;
  readonly createPartitioner: unknown;
  readonly retry: Retry;
}

export const loadKafkaJs = async (): Promise<KafkaJs> => (await loadClient('kafkajs')) as KafkaJs;
