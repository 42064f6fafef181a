import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { untilReady } from '../../servers/ready.mjs';
import { PortInUseError } from './ports.js';
import { reaper } from './reaper.js';

/** How to start a server; used again for each restart. */
export interface Launch {
  /** The name in errors. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Resolves to true once the server serves; may throw before. */
  ready(): Promise<boolean>;
  /** Default: 60,000, for a busy machine. */
  readonly readyTimeoutMs?: number;
}

/** How many characters of a server's output are kept for errors. */
const LOG_CHARACTERS = 64_000;
const LOG_TAIL_LINES = 40;
/** How long a server may take to end by itself before it is killed. */
const STOP_TIMEOUT_MS = 10_000;

/**
 * A server process that a test owns. It ends with the test (`await using`), and in any case with the test's process.
 */
export class ServerProcess implements AsyncDisposable {
  #launch: Launch;
  #child: ChildProcess | undefined;
  #log = '';

  private constructor(launch: Launch) {
    this.#launch = launch;
  }

  /**
   * Starts a server and waits until it is ready.
   * @throws PortInUseError when it says that its address is in use; otherwise an Error with the end of its log
   */
  static async start(launch: Launch): Promise<ServerProcess> {
    const server = new ServerProcess(launch);
    await server.restart();
    return server;
  }

  /** The id of the running process. */
  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error(`${this.#launch.name} is not running`);
    return pid;
  }

  get running(): boolean {
    return this.#child !== undefined;
  }

  /** Its last lines of output, over all restarts. */
  get logTail(): string {
    return this.#log.trimEnd().split('\n').slice(-LOG_TAIL_LINES).join('\n');
  }

  /** Kills it if it runs, starts it as before (or by another launch), and waits until it is ready. */
  async restart(launch: Launch = this.#launch): Promise<void> {
    await this.kill9();
    this.#launch = launch;
    this.#spawn();
    await this.#untilReady();
  }

  /** SIGKILL. Resolves when the process is gone, also if it already is. */
  kill9(): Promise<void> {
    return this.#end('SIGKILL');
  }

  /** SIGTERM; SIGKILL if that takes longer than 10 s. */
  async stop(): Promise<void> {
    const timer = setTimeout(() => this.#child?.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await this.#end('SIGTERM');
    clearTimeout(timer);
  }

  /** SIGSTOP: connections stay open and nothing is answered any more. */
  pause(): void {
    process.kill(this.pid, 'SIGSTOP');
  }

  /** SIGCONT. */
  resume(): void {
    process.kill(this.pid, 'SIGCONT');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill9();
  }

  #spawn(): void {
    const { command, args, env, cwd } = this.#launch;
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
      ...(cwd === undefined ? {} : { cwd }),
    });
    const keep = (text: string) => {
      this.#log = (this.#log + text).slice(-LOG_CHARACTERS);
    };
    child.stdout.setEncoding('utf8').on('data', keep);
    child.stderr.setEncoding('utf8').on('data', keep);
    child.once('error', (error) => keep(`${error.message}\n`));
    const { pid } = child;
    if (pid !== undefined) reaper().register(pid);
    // `close`, not `exit`: then the log has all of its output.
    child.once('close', () => {
      if (pid !== undefined) reaper().unregister(pid);
      if (this.#child === child) this.#child = undefined;
    });
    this.#child = child;
  }

  async #untilReady(): Promise<void> {
    const { name, ready, readyTimeoutMs = 60_000 } = this.#launch;
    const began = this.#log.length;
    const ended = new AbortController();
    const child = this.#child;
    child?.once('close', (code, signal) => ended.abort(new Error(`${name} ended (${signal ?? `exit ${code}`})`)));
    const timeout = AbortSignal.timeout(readyTimeoutMs);
    try {
      await untilReady(() => ready(), AbortSignal.any([ended.signal, timeout]));
    } catch (error) {
      const said = this.#log.slice(began);
      await this.kill9();
      const message = `${name} did not become ready: ${(error as Error).message}\n${this.logTail}`;
      if (/address already in use/i.test(said)) throw new PortInUseError(message, { cause: error });
      throw new Error(message, { cause: error });
    }
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const closed = once(child, 'close');
    child.kill(signal);
    await closed;
  }
}
