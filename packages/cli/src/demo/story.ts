import { systemTiming, WatchError, type Watcher } from '@rollcall/core';
import { delay, until } from '@rollcall/core/internal';
import type { BrokerList } from '@rollcall/kafka';
import type { OpenedSource } from 'rollcall';
import { type BrokersFile, PREFIX } from './brokersFile.js';

/** Who tells what is done. What comes of it is told by the watch itself. */
export interface Narrator {
  /** What is done next. */
  chapter(text: string): void;
  /** How far it is; the next takes its place. */
  progress(text: string): void;
  /** What came of it, counted. */
  outcome(label: string, text: string): void;
}

/** What the story is played with. */
export interface Scene {
  readonly file: BrokersFile;
  readonly watcher: Watcher;
  readonly list: BrokerList;
  /** A store with the URL `memoryUrl`. */
  readonly memory: OpenedSource;
  readonly memoryUrl: string;
  readonly narrator: Narrator;
  readonly signal: AbortSignal;
  /** How long a person looks at something new, ms. */
  readonly paceMs: number;
}

const JOINING = '10.0.0.4:9092';
const FLAPPING = '10.0.0.5:9092';
const MISTYPED = '10.0.0.6:99092';
/** Odd, so that it ends with the broker there. 15 edits, 100 ms apart, stay below the longest quiet period of 2 s. */
const FLAPS = 15;
const FLAP_MS = 100;
/** How long to wait for what should come. A file that was edited by somebody else meanwhile may say something else. */
const PATIENCE_MS = 5_000;

/** What happens to a list of brokers in a bad week, within 20 s. @throws the signal's reason when aborted. */
export async function playStory(scene: Scene): Promise<void> {
  await seen(scene, () => scene.list.version > 0);
  await pause(scene, 1.5);
  await join(scene);
  await flap(scene);
  await mistype(scene);
  await empty(scene);
  await moveAll(scene);
  await swap(scene);
}

async function join(scene: Scene): Promise<void> {
  scene.narrator.chapter('A broker joins.');
  await scene.file.add(JOINING);
  await seen(scene, () => scene.list.current.includes(JOINING));
  await pause(scene, 1.5);
}

async function flap(scene: Scene): Promise<void> {
  const { file, list, narrator, watcher } = scene;
  narrator.chapter('Another comes and goes, ten times a second.');
  const before = { list: list.version, watcher: watcher.version };
  for (let edit = 1; edit <= FLAPS; edit++) {
    await (edit % 2 === 1 ? file.add(FLAPPING) : file.remove(FLAPPING));
    narrator.progress(`edit ${edit} of ${FLAPS}`);
    await wait(scene, FLAP_MS);
  }
  await seen(scene, () => list.current.includes(FLAPPING) && (watcher.snapshot?.entries.has(FLAPPING) ?? false));
  const seenByWatch = watcher.version - before.watcher;
  const changes = list.version - before.list;
  narrator.outcome(
    'counted',
    `${FLAPS} edits, ${seenByWatch} seen, ${changes} ${changes === 1 ? 'change' : 'changes'} of the list`,
  );
  await pause(scene, 1.5);
}

async function mistype(scene: Scene): Promise<void> {
  const { file, list } = scene;
  scene.narrator.chapter('Somebody mistypes a port.');
  await file.add(MISTYPED);
  await seen(scene, () => list.quarantine.has(MISTYPED));
  await pause(scene, 2);
  await file.remove(MISTYPED);
  await seen(scene, () => !list.quarantine.has(MISTYPED));
  await pause(scene, 1);
}

async function empty(scene: Scene): Promise<void> {
  const { file, list, narrator } = scene;
  narrator.chapter('The file is emptied, and restored after a while.');
  const text = await file.empty();
  await seen(scene, () => list.status.state === 'stale');
  await pause(scene, 2.5);
  await file.edit((now) => (now === '' ? text : now));
  await seen(scene, () => list.status.state === 'live');
  await pause(scene, 1);
}

async function moveAll(scene: Scene): Promise<void> {
  const { file, list } = scene;
  scene.narrator.chapter('All brokers move to other addresses at once.');
  const { version } = list;
  await file.edit((text) => text.replaceAll('10.0.0.', '10.0.9.'));
  await seen(scene, () => list.version > version);
  await pause(scene, 2);
}

async function swap(scene: Scene): Promise<void> {
  const { file, memory, memoryUrl, narrator, watcher } = scene;
  narrator.chapter('The watch is swapped to another backend while it runs, and back.');
  for (const [key, { value }] of watcher.snapshot?.entries ?? []) await memory.source.write?.put(PREFIX + key, value);
  for (const [name, url] of [
    ['file to memory', memoryUrl],
    ['memory to file', file.url],
  ] as const) {
    const { version } = watcher;
    await watcher.swap(url);
    scene.signal.throwIfAborted();
    const changes = watcher.version - version;
    narrator.outcome('swapped', `${name}: ${changes} ${changes === 1 ? 'change' : 'changes'}`);
    await pause(scene, 1);
  }
}

/** Time to read. */
function pause(scene: Scene, looks: number): Promise<void> {
  return wait(scene, looks * scene.paceMs);
}

async function wait({ signal }: Scene, ms: number): Promise<void> {
  await delay(systemTiming, ms, signal);
  signal.throwIfAborted();
}

/** Waits until the list is so, or goes on without it. */
async function seen({ list, signal }: Scene, isSo: () => boolean): Promise<void> {
  const listen = (wake: () => void): (() => void) => {
    const undo = [list.onChange(wake), list.onStatus(wake)];
    return () => {
      for (const each of undo) each();
    };
  };
  try {
    await until(() => isSo() || undefined, listen, { timing: systemTiming, signal, timeoutMs: PATIENCE_MS });
  } catch (error) {
    if (!(error instanceof WatchError && error.code === 'TIMEOUT')) throw error;
  }
}
