import type { Random } from './random.js';

/** Faults of one lane happen one after another, the lanes `servers` and `links` at the same time; `alone` with no other. */
export type Lane = 'servers' | 'links' | 'alone';

export interface FaultKind {
  readonly name: string;
  readonly lane: Lane;
  /** How long it lasts, ms: mostly near the lower bound. */
  readonly lastsMs: readonly [number, number];
}

export interface PlannedFault {
  readonly name: string;
  /** The calm before it, ms. */
  readonly afterMs: number;
  readonly forMs: number;
  /** For what the fault itself chooses: which member, how. */
  readonly random: Random;
}

/** What happens between two checkpoints: both lanes, then what happens alone. */
export type Round = Readonly<Record<Lane, readonly PlannedFault[]>>;

/** About how long the lanes of a round take, ms; a long fault may take it further. */
const ROUND_MS = 8_000;
const FAULTS_ALONE = 2;
const CALM_MS = [200, 1_200] as const;
/** What comes after a fault on average: the server starts, a leader is elected. */
const RECOVERY_MS = 800;

/**
 * Which faults happen when, from the seed alone. Kinds are drawn from a bag that is filled again when it is empty, so each
 * happens before one happens twice.
 */
export class Schedule {
  readonly #random: Random;
  readonly #kinds: readonly FaultKind[];
  readonly #bags: Record<Lane, FaultKind[]> = { servers: [], links: [], alone: [] };
  readonly #planned = new Set<string>();

  constructor(kinds: readonly FaultKind[], random: Random) {
    this.#kinds = kinds;
    this.#random = random;
  }

  /** Whether every kind of fault was in a round. */
  get complete(): boolean {
    return this.#kinds.every(({ name }) => this.#planned.has(name));
  }

  next(): Round {
    return { servers: this.#fill('servers'), links: this.#fill('links'), alone: this.#draw('alone', FAULTS_ALONE) };
  }

  #fill(lane: Lane): PlannedFault[] {
    const planned: PlannedFault[] = [];
    for (let ms = 0; ms < ROUND_MS; ) {
      const [next] = this.#draw(lane, 1);
      if (next === undefined) break;
      planned.push(next);
      ms += next.afterMs + next.forMs + RECOVERY_MS;
    }
    return planned;
  }

  #draw(lane: Lane, count: number): PlannedFault[] {
    return Array.from({ length: count }, () => this.#fromBag(lane)).filter((fault) => fault !== undefined);
  }

  #fromBag(lane: Lane): PlannedFault | undefined {
    if (this.#bags[lane].length === 0) {
      this.#bags[lane] = this.#random.shuffled(this.#kinds.filter((kind) => kind.lane === lane));
    }
    const kind = this.#bags[lane].pop();
    if (kind === undefined) return undefined;
    const [least, most] = kind.lastsMs;
    this.#planned.add(kind.name);
    return {
      name: kind.name,
      afterMs: this.#random.between(...CALM_MS),
      forMs: Math.round(least + (most - least) * this.#random.next() ** 3),
      random: this.#random.fork(),
    };
  }
}
