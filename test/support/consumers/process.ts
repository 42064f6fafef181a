import { fileURLToPath } from 'node:url';
import { Program } from '../cli.js';
import { type ClientName, installClient } from '../clients.js';
import { within } from '../within.js';

const PROGRAM = fileURLToPath(new URL('./consumer.mjs', import.meta.url));
/** How long one event may take, ms. The limit is there so that a failure names the event that did not come. */
const PATIENCE_MS = 120_000;

export interface ConsumerSetting {
  readonly client: ClientName;
  /** URL of the registry's keys. */
  readonly registry: string;
  readonly topic: string;
  readonly group: string;
}

/** The arguments of the process. */
export interface ConsumerConfig extends ConsumerSetting {
  /** The folder that holds `node_modules`. */
  readonly folder: string;
}

export interface Consumed {
  readonly partition: number;
  readonly offset: number;
  readonly value: string;
}

export type Told =
  | ({ readonly type: 'message' } & Consumed)
  | { readonly type: 'failed'; readonly message: string }
  /** The brokers' addresses that the admin client got. */
  | { readonly type: 'addresses'; readonly addresses: readonly string[] };

/** A consumer in a group and an admin client, in a process of their own, from the last build. */
export class ConsumerProcess implements AsyncDisposable {
  readonly setting: ConsumerSetting;
  /** In the order in which they came. */
  readonly consumed: Consumed[] = [];
  readonly failures: string[] = [];
  readonly #program: Program;
  readonly #answers: (readonly string[])[] = [];
  #read = 0;

  private constructor(setting: ConsumerSetting, program: Program) {
    this.setting = setting;
    this.#program = program;
  }

  /** Installs the client when it is missing. It may not be connected yet. */
  static async start(setting: ConsumerSetting): Promise<ConsumerProcess> {
    const { node, folder } = await installClient(setting.client);
    const config: ConsumerConfig = { ...setting, folder };
    return new ConsumerProcess(setting, Program.start(node, [PROGRAM, JSON.stringify(config)]));
  }

  /** Resolves when it has consumed at least up to these offsets, by partition. */
  reaches(ends: readonly number[]): Promise<void> {
    const lacking = new Map(ends.map((end, partition) => [partition, end]));
    let seen = 0;
    return this.#until(`offsets ${ends.join()}`, () => {
      for (const { partition, offset } of this.consumed.slice(seen)) {
        if (offset + 1 >= (lacking.get(partition) ?? Number.POSITIVE_INFINITY)) lacking.delete(partition);
      }
      seen = this.consumed.length;
      return lacking.size === 0;
    });
  }

  /** The brokers' addresses that its admin client gets now; sorted. */
  async addresses(): Promise<string[]> {
    const before = this.#answers.length;
    this.#program.child.stdin.write('\n');
    await this.#until('the brokers', () => this.#answers.length > before);
    return [...(this.#answers[before] ?? [])].sort();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#program[Symbol.asyncDispose]();
  }

  #until(what: string, isSo: () => boolean): Promise<void> {
    const { client } = this.setting;
    const so = this.#program.until(() => {
      this.#hear();
      return isSo();
    });
    return within(PATIENCE_MS, `${what} from the consumer of ${client}`, so, () => this.#state);
  }

  #hear(): void {
    const { stdout } = this.#program;
    const end = stdout.lastIndexOf('\n') + 1;
    const lines = stdout.slice(this.#read, end).split('\n');
    this.#read = end;
    for (const line of lines) {
      // Ignores what the client itself prints: it is not the protocol.
      if (!line.startsWith('{"type":')) continue;
      const told = JSON.parse(line) as Told;
      if (told.type === 'message') this.consumed.push(told);
      else if (told.type === 'failed') this.failures.push(told.message);
      else this.#answers.push(told.addresses);
    }
  }

  get #state(): string {
    const { stderr } = this.#program;
    return `It consumed ${this.consumed.length}. ${this.failures.join('; ')} ${stderr.slice(-2000)}`;
  }
}
