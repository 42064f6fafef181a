import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { installClient } from '../clients.js';
import { reaper } from '../reaper.js';
import { within } from '../within.js';
import type { Counts, Happening, ProducerRecord, ProducerSetting, Report, Request } from './protocol.js';

const PROGRAM = fileURLToPath(new URL('./producer.mjs', import.meta.url));
/** How long one event may take, ms. The limit is there so that a failure names the event that did not come. */
const PATIENCE_MS = 120_000;
const LAST_LINES = 40;

type Told<Type extends Report['type']> = Extract<Report, { type: Type }>;

/** A producer in a process of its own, from the last build. */
export class ProducerProcess implements AsyncDisposable {
  readonly setting: ProducerSetting;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #ended: Promise<void>;
  readonly #reports: Report[] = [];
  readonly #lookers = new Set<() => void>();
  #said: string[] = [];
  #running = true;
  #requests = 0;

  private constructor(setting: ProducerSetting, node: string, folder: string) {
    this.setting = setting;
    const child = spawn(node, [PROGRAM, JSON.stringify({ ...setting, folder })]);
    this.#child = child;
    const { pid } = child;
    if (pid !== undefined) reaper().register(pid);
    createInterface({ input: child.stdout }).on('line', (line) => this.#told(line));
    child.stderr.setEncoding('utf8').on('data', (text: string) => this.#say(text.trimEnd()));
    child.stdin.on('error', () => {});
    this.#ended = new Promise((resolve) => {
      child.once('close', () => {
        if (pid !== undefined) reaper().unregister(pid);
        this.#running = false;
        this.#look();
        resolve();
      });
    });
  }

  /** Installs the client when it is missing. It may not be connected yet. */
  static async start(setting: ProducerSetting): Promise<ProducerProcess> {
    const { folder, node } = await installClient(setting.client);
    return new ProducerProcess(setting, node, folder);
  }

  /** Its name in messages. */
  get name(): string {
    const { client, way, senders, keyed } = this.setting;
    return `${client} ${way} ${senders} ${keyed ? 'keyed' : 'keyless'}`;
  }

  /** The process's id. */
  get pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new Error(`${this.name} could not be started`);
    return pid;
  }

  /** Resolves when the client is connected. */
  async started(): Promise<void> {
    await this.#report('the connection', (each): each is Told<'started'> => each.type === 'started');
  }

  /**
   * Resolves with the time of the first acknowledgement at or after `from` (wall clock, ms), once there were `count` of
   * them.
   * @throws an Error when that takes too long
   */
  acknowledges(count: number, from = Date.now()): Promise<number> {
    return this.#since('acknowledged', count, from);
  }

  /** Resolves with the time of the first failure, once sending has failed this often. */
  fails(count: number, from = Date.now()): Promise<number> {
    return this.#since('failed', count, from);
  }

  /** Resolves when the client has asked for its brokers this often. */
  asks(count: number, from = Date.now()): Promise<number> {
    return this.#since('asked', count, from);
  }

  /** The counts of now. */
  async counts(): Promise<Counts> {
    const id = this.#requests++;
    this.#request({ type: 'counts', id });
    const isAnswer = (each: Report): each is Told<'counts'> => each.type === 'counts' && each.id === id;
    return await this.#report('its counts', isAnswer);
  }

  /** Resolves with the time at which exactly these addresses were published, at or after `from` (wall clock, ms). */
  async lists(addresses: readonly string[], from = 0): Promise<number> {
    const wanted = [...addresses].sort().join();
    const { at } = await this.#report(
      `the list ${wanted}`,
      (each): each is Told<'list'> =>
        each.type === 'list' && each.at >= from && [...each.brokers].sort().join() === wanted,
    );
    return at;
  }

  /** Resolves when the list's status has become this, at or after `from` (wall clock, ms). */
  async becomes(state: string, code: string | undefined, from: number): Promise<void> {
    await this.#report(
      `the status ${state} ${code ?? ''}`,
      (each): each is Told<'status'> =>
        each.type === 'status' && each.at >= from && each.state === state && each.code === code,
    );
  }

  /** Stops sending and waits for the last outcomes, but no longer than `withinMs`. */
  async stop(withinMs = 30_000): Promise<ProducerRecord> {
    this.#request({ type: 'stop', withinMs });
    const isRecord = (each: Report): each is Told<'record'> => each.type === 'record';
    const record = await this.#report('its record', isRecord, withinMs + PATIENCE_MS);
    await this.#ended;
    return record;
  }

  /** SIGSTOP: it does nothing until `resume`. */
  pause(): void {
    process.kill(this.pid, 'SIGSTOP');
  }

  /** SIGCONT. */
  resume(): void {
    process.kill(this.pid, 'SIGCONT');
  }

  /** Its last output, for errors. */
  get lastWords(): string {
    return `${this.name}:\n${this.#said.join('\n')}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  #request(request: Request): void {
    this.#child.stdin.write(`${JSON.stringify(request)}\n`);
  }

  async #since(what: Happening, count: number, from: number): Promise<number> {
    const id = this.#requests++;
    this.#request({ type: 'since', what, id, at: from, count });
    const isAnswer = (each: Report): each is Told<'reached'> => each.type === 'reached' && each.id === id;
    const { at } = await this.#report(`${count} ${what}`, isAnswer);
    return at;
  }

  #report<T extends Report>(what: string, fits: (report: Report) => report is T, patienceMs = PATIENCE_MS): Promise<T> {
    let look = (): void => {};
    const found = new Promise<T>((resolve, reject) => {
      look = () => {
        const report = this.#reports.find(fits);
        if (report !== undefined) resolve(report);
        else if (!this.#running) reject(new Error(`It ended before ${what}. ${this.lastWords}`));
      };
      this.#lookers.add(look);
      look();
    });
    return within(patienceMs, `${what} from ${this.name}`, found, () => this.lastWords).finally(() =>
      this.#lookers.delete(look),
    );
  }

  #told(line: string): void {
    this.#say(line.slice(0, 500));
    try {
      this.#reports.push(JSON.parse(line) as Report);
      this.#look();
    } catch {
      // Ignores what the client itself prints: it is not the protocol.
    }
  }

  #say(text: string): void {
    this.#said = [...this.#said, text].slice(-LAST_LINES);
  }

  #look(): void {
    for (const look of [...this.#lookers]) look();
  }
}
