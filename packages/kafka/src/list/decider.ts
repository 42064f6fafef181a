import type { CollectionVersion, Logger, Revision, Timing } from '@rollcall/core';
import { printable } from '@rollcall/core/internal';
import type { Registered } from '../address/registered.js';
import { Prober } from '../gate/prober.js';
import type { Gate } from '../gate/types.js';
import { LeftOutLog } from './leftOutLog.js';
import type { BrokerListPolicy } from './options.js';
import { type BrokerListDecision, decide, type RegistryBrokers } from './rule.js';
import { type AddressFate, type CandidateChoice, choose, select } from './select.js';

export interface DeciderOptions {
  readonly policy: BrokerListPolicy;
  readonly gate: Gate;
  readonly timing: Timing;
  readonly logger: Logger;
  /** Says why the keys name no brokers at all; undefined if there is nothing to say. */
  readonly missing: () => string | undefined;
  /** The whole key, prefix included, for the log. */
  readonly wholeKey: (key: string) => string;
  /** Called when the brokers' answers have shown which cluster they belong to. */
  readonly onLearned: (clusterId: string) => void;
  /** Called with the decision on the registry's brokers at this revision. Never called at or after `stop()`. */
  readonly onDecision: (decision: BrokerListDecision, found: RegistryBrokers, revision: Revision) => void;
}

/** Turns the brokers that keys name into a decision. Asks the brokers themselves if the options say so. */
export class Decider {
  readonly #options: DeciderOptions;
  readonly #prober: Prober | undefined;
  readonly #leftOutLog: LeftOutLog;
  #found: { readonly chosen: CandidateChoice; readonly revision: Revision } | undefined;
  #fates: readonly AddressFate[] = [];
  #decision: BrokerListDecision | undefined;
  #toldNetworks = '';
  /** The brokers of the last decision that was followed. */
  #followed: RegistryBrokers | undefined;

  constructor(options: DeciderOptions) {
    const { policy, gate, timing, logger, wholeKey } = options;
    this.#options = options;
    this.#leftOutLog = new LeftOutLog(logger, wholeKey);
    if (policy.probeMs === undefined) return;
    this.#prober = new Prober({ gate, timing, timeoutMs: policy.probeMs, onNews: () => this.#decide() });
  }

  /** Each address and its outcome at the last decision. */
  get fates(): readonly AddressFate[] {
    return this.#fates;
  }

  get decision(): BrokerListDecision | undefined {
    return this.#decision;
  }

  /** Addresses that the gate refuses now. They may be in the list that is still followed. */
  get forbidden(): ReadonlySet<string> {
    const isForbidden = ({ outcome }: AddressFate): boolean => outcome === 'other-cluster' || outcome === 'disallowed';
    return new Set(this.#fates.filter(isForbidden).map(({ address }) => address));
  }

  /** The list that is followed; empty while there is none. */
  get brokers(): readonly string[] {
    return this.#followed?.brokers ?? [];
  }

  follow({ items, revision }: CollectionVersion<Registered>): void {
    const { gate, policy } = this.#options;
    const brokers = [...items].map(([key, registered]) => [key, registered.brokers] as const);
    const chosen = choose(brokers, (endpoint) => gate.refusal(endpoint), policy.listener);
    this.#found = { chosen, revision };
    this.#warnOfNetworks(chosen.alternatives);
    if (this.#prober === undefined) this.#decide();
    else this.#prober.follow([...chosen.taken.values()].map(({ candidate }) => candidate.address));
  }

  /** Idempotent. */
  stop(): void {
    this.#prober?.stop();
  }

  #warnOfNetworks(alternatives: readonly string[]): void {
    const told = alternatives.join('; ');
    if (told === this.#toldNetworks) return;
    this.#toldNetworks = told;
    if (told === '') return;
    this.#options.logger.warn(
      { alternatives },
      `The brokers have several listeners, and only you know which one clients can reach: name it with "listener" (not taken: ${printable(told)}).`,
    );
  }

  #decide(): void {
    if (this.#found === undefined) return;
    const { chosen, revision } = this.#found;
    const { gate, policy, onDecision } = this.#options;
    const knowledge = {
      ...(this.#prober && { probed: this.#prober.results }),
      clusterId: gate.clusterId,
      known: new Set(this.#followed?.usable),
    };
    const found = { ...select(chosen, knowledge, policy.order), missing: this.#options.missing() };
    const decision = decide(this.#followed, found, policy.minBrokers);
    this.#fates = found.fates;
    this.#decision = decision;
    this.#leftOutLog.tell(found.fates);
    if (decision.change !== 'refuse') {
      // Also if the list is the same: behind a limit, other addresses may be usable now.
      this.#followed = found;
      if (found.agreedCluster !== undefined && gate.clusterId === undefined) {
        gate.learn(found.agreedCluster);
        this.#options.onLearned(found.agreedCluster);
      }
    }
    onDecision(decision, found, revision);
  }
}
