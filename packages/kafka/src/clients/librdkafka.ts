/** The part of a relay that is used. */
interface Listening {
  readonly address: string;
}

/** Settings of librdkafka, by their own names. */
export interface LibrdkafkaOptions {
  readonly 'bootstrap.servers': string;
  readonly 'metadata.recovery.strategy': 'rebootstrap';
  readonly 'metadata.recovery.rebootstrap.trigger.ms': number;
  readonly 'socket.connection.setup.timeout.ms': number;
  readonly 'reconnect.backoff.max.ms': number;
}

/**
 * Settings for `@confluentinc/kafka-javascript` and `node-rdkafka` behind a relay: `new Producer({
 * ...librdkafkaOptions(relay), 'enable.idempotence': true })`. librdkafka copies its bootstrap list once, so it needs
 * an address that stays.
 *
 * `rebootstrap` asks the relay again once no known broker can be reached. A dial without an answer fails after 10 s
 * (librdkafka's default: 30 s), and 10 s without metadata is a reason, too (default: 5 min): old addresses may swallow
 * packets. Dials of one address, the relay's too, are at most 1 s apart (default: 10 s, for which librdkafka would not
 * notice that its brokers are back).
 */
export function librdkafkaOptions(relay: Listening): LibrdkafkaOptions {
  return {
    'bootstrap.servers': relay.address,
    'metadata.recovery.strategy': 'rebootstrap',
    'metadata.recovery.rebootstrap.trigger.ms': 10_000,
    'socket.connection.setup.timeout.ms': 10_000,
    'reconnect.backoff.max.ms': 1_000,
  };
}
