import { fileURLToPath } from 'node:url';
import { Program } from '../cli.js';
import { type ClientName, installClient } from '../clients.js';
import { within } from '../within.js';

const PROGRAM = fileURLToPath(new URL('./consumer.mjs', import.meta.url));
/** How long any one event may take, ms: only so that a failure says which one did not come. */
const PATIENCE_MS = 120_000;

export interface ConsumerSetting {
  readonly client: ClientName;
  /** URL of the registry's keys. */
  readonly registry: string;
  readonly topic: string;
  readonly group: string;
}

/** As the process is started. */
export interface ConsumerConfig extends ConsumerSetting {
  /** A folder with `node_modules`. */
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
  /** Of the brokers that the admin client was told of. */
  | { readonly type: 'addresses'; readonly addresses: readonly string[] };

/** A consumer in a group and an admin client, in a process of their own, on what was built last. */
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

  /** Resolves when it has consumed up to these offsets, by partition, at least. */
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

  /** Where the brokers are, as its admin client is told when it is asked now; sorted. */
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
      // A client that prints something else is not the protocol.
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
