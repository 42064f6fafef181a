import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { accountOf } from '../reliability/kafka/account.js';
import { createTopic } from '../reliability/kafka/admin.js';
import { storedIn } from '../reliability/kafka/truth.js';
import { type Kafka, startKafka } from '../support/kafka.js';
import { ProducerProcess } from '../support/producers/process.js';
import type { Counts, ProducerRecord, ProducerSetting } from '../support/producers/protocol.js';
import { temporaryRoot } from '../support/reaper.js';
import { BrokersFile } from './brokersFile.js';
import type { ProducerName, Standing, Tell } from './lines.js';
import { type Outcome, verdictOf } from './verdict.js';

export interface Pace {
  /** How long a person looks at something new, ms. */
  readonly lookMs: number;
  /** From one telling of the counts to the next, ms. */
  readonly countsMs: number;
}

/** Both write to it; each message says whose it is. */
const TOPIC = 'numbers';
const NUMBERS = { static: 0, rollcall: 1 };
const PARTITIONS = 3;
/** A producer's next message, ms after its last. */
const PERIOD_MS = 20;
/** Acknowledged before and after the move, at least: each of them a second at this period. */
const SOME = 50;
/** What has no outcome after so long has none with a static list, ms. */
const GIVE_UP_MS = 500;

/**
 * Two producers send; all brokers are killed and come back elsewhere; the registry is edited. Then what each was told is
 * compared with what the topic holds.
 */
export async function play(tell: Tell, { lookMs, countsMs }: Pace): Promise<Outcome> {
  await using kafka = await startKafka({ brokers: 3 });
  const file = new BrokersFile(await mkdtemp(join(temporaryRoot(), 'demo-')));
  await file.name(kafka.bootstrap);
  tell({ type: 'demo', file: file.path, brokers: kafka.bootstrap });
  await createTopic(kafka, TOPIC, PARTITIONS);
  await using pinned = await start('static', kafka, file);
  await using live = await start('rollcall', kafka, file);
  await Promise.all([pinned.started(), live.started()]);
  tell({ type: 'sending' });
  const counting = tellCounts({ static: pinned, rollcall: live }, tell, countsMs);
  await Promise.all([pinned.acknowledges(SOME), live.acknowledges(SOME)]);
  await delay(4 * lookMs);

  tell({ type: 'killed', brokers: kafka.bootstrap });
  await Promise.all(kafka.brokers.map((broker) => broker.kill9()));
  const goneAt = Date.now();
  await delay(2 * lookMs);
  await Promise.all(kafka.brokers.map((broker) => broker.move()));
  // Until now nobody could acknowledge anything, so what comes from here on comes from where they are.
  const movedAt = Date.now();
  tell({ type: 'moved', brokers: kafka.bootstrap });
  await delay(lookMs);
  const editedAt = Date.now();
  await file.name(kafka.bootstrap);
  tell({ type: 'edited', file: file.path });
  const backAt = await live.acknowledges(SOME, movedAt);
  tell({ type: 'recovered', producer: 'rollcall', gapMs: backAt - goneAt, afterEditMs: backAt - editedAt });
  await delay(4 * lookMs);

  await counting.stop();
  const records = { static: await pinned.stop(GIVE_UP_MS), rollcall: await live.stop() };
  tell({ type: 'reading' });
  const stored = await storedIn(kafka, TOPIC);
  const accounts = {
    static: accountOf(NUMBERS.static, records.static, stored),
    rollcall: accountOf(NUMBERS.rollcall, records.rollcall, stored),
  };
  const afterMove = { static: since(records.static, movedAt), rollcall: since(records.rollcall, movedAt) };
  for (const producer of ['static', 'rollcall'] as const) tell({ type: 'result', producer, ...accounts[producer] });
  tell({ type: 'verdict', text: verdictOf({ accounts, afterMove }) });
  return { accounts, afterMove };
}

function start(name: ProducerName, kafka: Kafka, file: BrokersFile): Promise<ProducerProcess> {
  const setting: ProducerSetting = {
    client: 'kafkajs',
    way: name === 'static' ? 'static' : 'native',
    registry: file.url,
    servers: kafka.bootstrap,
    topic: TOPIC,
    partitions: PARTITIONS,
    producer: NUMBERS[name],
    senders: 1,
    keyed: false,
    periodMs: PERIOD_MS,
    list: {},
  };
  return ProducerProcess.start(setting);
}

/** Tells how both stand until it is stopped. */
function tellCounts(producers: Readonly<Record<ProducerName, ProducerProcess>>, tell: Tell, everyMs: number) {
  const stopping = new AbortController();
  const { signal } = stopping;
  const count = async (): Promise<void> => {
    while (!signal.aborted) {
      const [pinned, live] = await Promise.all([producers.static.counts(), producers.rollcall.counts()]);
      tell({ type: 'counts', producer: 'static', ...standing(pinned) });
      tell({ type: 'counts', producer: 'rollcall', ...standing(live) });
      await delay(everyMs, undefined, { signal }).catch(() => {});
    }
  };
  const counting = count();
  // Whoever stops it hears of it; until then it is no unhandled rejection.
  counting.catch(() => {});
  return {
    stop: (): Promise<void> => {
      stopping.abort();
      return counting;
    },
  };
}

function standing({ at, acknowledged, perSecond, lastAt, failed }: Counts): Standing {
  return { acknowledged, perSecond, waitingMs: at - (lastAt ?? at), failed };
}

function since({ senders }: ProducerRecord, at: number): number {
  return senders.flatMap(({ acknowledged }) => acknowledged).filter((time) => time !== null && time >= at).length;
}
