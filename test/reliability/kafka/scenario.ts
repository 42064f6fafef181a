import type { Cast } from './cast.js';
import type { Part, Stage } from './stage.js';

/** Something that happens, once a repeat, to all producers at the same time. */
export interface Scenario {
  /** `K03` */
  readonly name: string;
  readonly what: string;
  /** Why a client cannot have it that way; undefined: it can. */
  cannot?(part: Part): string | undefined;
  play(stage: Stage, cast: Cast): Promise<void>;
}
