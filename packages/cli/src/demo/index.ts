import { LinkedAbort } from '@rollcall/core/internal';
import { type BrokerUpdate, brokerList } from '@rollcall/kafka';
import { createRollcall } from 'rollcall';
import type { ExitCode } from '../output/exitCode.js';
import type { Io } from '../output/io.js';
import { brokersLine, jsonLine } from '../output/jsonLines.js';
import { Output } from '../output/output.js';
import { coloured, painter } from '../output/style.js';
import { BrokersFile, PREFIX } from './brokersFile.js';
import { Reporter } from './reporter.js';
import { Screen } from './screen.js';
import { type Narrator, playStory, type Scene } from './story.js';

export { coloured, painter } from '../output/style.js';
export { Screen } from './screen.js';

export interface DemoOptions {
  /** A file of brokers; a temporary copy of it is edited. */
  readonly example: string;
  /** Without a terminal: go on when the story is over, until told to end. With one that is always so. */
  readonly stay?: boolean;
}

const MEMORY = `memory:demo#${PREFIX}`;
/** Without a terminal nobody needs time to read. */
const PACE_MS = { terminal: 1000, pipe: 0 };

const silent: Narrator = { chapter: () => {}, progress: () => {}, outcome: () => {} };

/**
 * Watches a file of brokers, edits it, and tells what the watch says: for a person on a terminal, else as JSON lines,
 * the same as `rollcall brokers` prints.
 */
export async function demo(io: Io, { example, stay = false }: DemoOptions): Promise<ExitCode> {
  const out = new Output(io.stdout, io.signal);
  await using file = await BrokersFile.copyOf(example);
  // The demonstration is the same whatever credentials are around.
  await using rollcall = createRollcall({ env: {} });
  const watcher = rollcall.watch(file.url);
  await using list = brokerList(watcher);
  const memory = rollcall.open(MEMORY);
  const scene = { file, watcher, list, memory, memoryUrl: MEMORY, signal: out.ended };
  try {
    await (io.stdout.isTTY ? showOnTerminal(io, scene) : printJson(io, out, scene, stay));
  } catch (error) {
    if (!out.ended.aborted) throw error;
  }
  return out.failure === undefined ? 0 : 1;
}

type Stage = Omit<Scene, 'narrator' | 'paceMs'>;

async function showOnTerminal({ stdout, env }: Io, scene: Stage): Promise<void> {
  const paint = painter(coloured(stdout, env));
  const screen = new Screen(stdout, paint);
  screen.heading('Rollcall: a live answer to "who is there now?"');
  screen.line('  Here: the Kafka bootstrap list of a file that is edited while you watch.');
  screen.line(`  ${paint('cyan', scene.file.path)}`);
  screen.line('');
  using reporter = new Reporter(scene.list, screen);
  await playStory({ ...scene, narrator: reporter, paceMs: PACE_MS.terminal });
  screen.heading('Your turn. Edit the file in another terminal. A broker joins with:');
  screen.line(`  ${paint('cyan', scene.file.addCommand)}`);
  screen.line('  With etcd it is the same:');
  screen.line(`  ${paint('cyan', 'npx rollcall brokers etcd://127.0.0.1:2379/broker/kafka/')}`);
  screen.line(`  ${paint('cyan', "npx rollcall put etcd://127.0.0.1:2379/broker/kafka/10.0.0.7:9092 ''")}`);
  screen.line(`  ${paint('dim', 'Ctrl-C ends this.')}`);
  screen.line('');
  await ended(scene.signal);
}

async function printJson({ stderr }: Io, out: Output, scene: Stage, stay: boolean): Promise<void> {
  const { file, list, signal } = scene;
  const over = new AbortController();
  let printed = 0;
  let before: readonly string[] = [];
  const tell = async (update: BrokerUpdate): Promise<void> => {
    await out.lines([brokersLine(before, update)]);
    printed = update.version;
    before = update.brokers;
  };
  const print = async (): Promise<void> => {
    for await (const update of list.updates({ signal: new LinkedAbort(signal, over.signal).signal }))
      await tell(update);
  };
  const play = async (): Promise<void> => {
    await playStory({ ...scene, narrator: silent, paceMs: PACE_MS.pipe });
    if (stay) stderr.write(`Your turn. A broker joins with: ${file.addCommand}\n`);
    else over.abort();
  };
  await out.lines([jsonLine({ type: 'demo', file: file.path })]);
  await Promise.all([print(), play()]);
  // A slow reader has not had the last list yet.
  if (printed < list.version) await tell(await list.ready({ signal }));
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
