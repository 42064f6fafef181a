import type { Kafka } from '../../support/kafka.js';
import type { Numbered } from '../../support/producers/protocol.js';

/** A message as the topic holds it. */
export interface Stored extends Numbered {
  readonly partition: number;
  readonly offset: number;
  /** Undefined: it has none. */
  readonly key: string | undefined;
}

/** All that a topic holds, by Kafka's own tools, in the order of each partition. */
export async function storedIn(kafka: Kafka, topic: string): Promise<Stored[]> {
  const ends = (await kafka.tool('GetOffsetShell', ['--topic', topic])).trim().split('\n');
  const count = ends.reduce((sum, line) => sum + Number(line.split(':').at(-1)), 0);
  if (count === 0) return [];
  const shown = ['partition', 'offset', 'key'].flatMap((field) => ['--formatter-property', `print.${field}=true`]);
  const all = ['--from-beginning', '--max-messages', String(count), '--timeout-ms', '30000'];
  const output = await kafka.tool('consumer.ConsoleConsumer', ['--topic', topic, ...all, ...shown]);
  const stored = output.trimEnd().split('\n').map(parse);
  if (stored.length !== count) throw new Error(`${topic} holds ${stored.length} of ${count} messages`);
  return stored.sort((a, b) => a.partition - b.partition || a.offset - b.offset);
}

/** `Partition:0\tOffset:12\tKEY\tVALUE` */
function parse(line: string): Stored {
  const [partition = '', offset = '', key, value = ''] = line.split('\t');
  const number = (text: string): number => Number(text.slice(text.indexOf(':') + 1));
  return {
    ...(JSON.parse(value) as Numbered),
    partition: number(partition),
    offset: number(offset),
    key: key === 'null' ? undefined : key,
  };
}
