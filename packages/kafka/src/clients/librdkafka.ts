/** Where a relay listens. */
interface Listening {
  readonly address: string;
}

/** Of librdkafka's own configuration, by its names. */
export interface LibrdkafkaOptions {
  readonly 'bootstrap.servers': string;
  readonly 'metadata.recovery.strategy': 'rebootstrap';
  readonly 'metadata.recovery.rebootstrap.trigger.ms': number;
  readonly 'socket.connection.setup.timeout.ms': number;
  readonly 'reconnect.backoff.max.ms': number;
}

/**
 * `@confluentinc/kafka-javascript` and `node-rdkafka` on a live list, by a relay, because librdkafka copies its bootstrap
 * list once: `new Producer({ ...librdkafkaOptions(relay), 'enable.idempotence': true })`.
 *
 * `rebootstrap` asks the relay again once no known broker can be reached. A dial that nobody answers counts as failed after 10 s
 * (30 s by default), and metadata that cannot be had for 10 s (5 min by default) is a reason too: that is what brokers whose old
 * addresses swallow packets take. Between two dials of one address, the relay's too, it waits 1 s at most (10 s by default, and
 * that is how long it then does not notice that its brokers are back).
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
