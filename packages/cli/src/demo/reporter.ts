import type { Status } from '@rollcall/core';
import type { BrokerList } from '@rollcall/kafka';
import { printable } from '../output/printable.js';
import { count } from '../output/terminalLines.js';
import { PREFIX } from './brokersFile.js';
import type { Screen } from './screen.js';
import type { Narrator } from './story.js';

/** How often the age of a stale list is told anew, ms. */
const AGE_MS = 100;

/** Tells on a screen what the list says of itself: each change, each entry it cannot use, and how current it is. */
export class Reporter implements Narrator, Disposable {
  readonly #list: BrokerList;
  readonly #screen: Screen;
  readonly #undo: readonly (() => void)[];
  #brokers: readonly string[] = [];
  #version = 0;
  #quarantined = new Set<string>();
  #stale: { readonly code: string; readonly since: number; readonly version: number } | undefined;
  #ageing: NodeJS.Timeout | undefined;

  constructor(list: BrokerList, screen: Screen) {
    this.#list = list;
    this.#screen = screen;
    this.#undo = [list.onChange(() => this.#look()), list.onStatus((status) => this.#tellStatus(status))];
    this.#look();
  }

  chapter(text: string): void {
    this.#screen.heading(text);
  }

  progress(text: string): void {
    this.#screen.live(text);
  }

  outcome(label: string, text: string): void {
    this.#screen.row({ sign: '=', colour: 'cyan', label, text, note: this.#total });
  }

  [Symbol.dispose](): void {
    for (const each of this.#undo) each();
    clearInterval(this.#ageing);
    this.#screen.clearLive();
  }

  get #total(): string {
    return count(this.#list.current.length, 'broker');
  }

  #look(): void {
    this.#tellBrokers();
    this.#tellQuarantine();
  }

  #tellBrokers(): void {
    const before = this.#brokers;
    const now = this.#list.current;
    if (this.#list.version === this.#version) return;
    this.#version = this.#list.version;
    this.#brokers = now;
    const joined = now.filter((address) => !before.includes(address));
    const left = before.filter((address) => !now.includes(address));
    const row = (sign: string, colour: 'green' | 'yellow' | 'red', label: string, addresses: readonly string[]): void =>
      this.#screen.row({ sign, colour, label, text: fit(addresses, this.#screen.textWidth - 12), note: this.#total });
    if (before.length === 0) row('●', 'green', 'live', now);
    else if (joined.length > 0 && left.length > 0) row('~', 'yellow', 'moved', now);
    else if (joined.length > 0) row('+', 'green', 'joined', joined);
    else row('-', 'red', 'left', left);
  }

  #tellQuarantine(): void {
    for (const [key, { reason }] of this.#list.quarantine) {
      if (this.#quarantined.has(key)) continue;
      this.#screen.row({
        sign: '!',
        colour: 'yellow',
        label: 'quarantine',
        text: printable(PREFIX + key),
        note: this.#total,
      });
      this.#screen.detail(reason);
    }
    for (const key of this.#quarantined) {
      if (this.#list.quarantine.has(key)) continue;
      this.#screen.row({
        sign: '✓',
        colour: 'green',
        label: 'cleared',
        text: printable(PREFIX + key),
        note: this.#total,
      });
    }
    this.#quarantined = new Set(this.#list.quarantine.keys());
  }

  #tellStatus(status: Status): void {
    if (status.state === 'stale') this.#tellStale(status);
    if (status.state !== 'live' || this.#stale === undefined) return;
    clearInterval(this.#ageing);
    const changes = count(this.#list.version - this.#stale.version, 'change');
    const text = `after ${age(this.#stale.since)}, ${changes}`;
    this.#stale = undefined;
    this.#screen.row({ sign: '●', colour: 'green', label: 'live', text, note: this.#total });
  }

  #tellStale({ code, error, since }: Extract<Status, { state: 'stale' }>): void {
    if (this.#stale?.code === code) return;
    clearInterval(this.#ageing);
    this.#stale = { code, since, version: this.#list.version };
    this.#screen.row({ sign: '!', colour: 'yellow', label: 'stale', text: code, note: `${this.#total} kept` });
    this.#screen.detail(printable(error.message));
    this.#ageing = setInterval(
      () => this.#screen.live(`stale for ${age(since)}, still ${this.#total}`),
      AGE_MS,
    ).unref();
  }
}

function age(since: number): string {
  return `${((Date.now() - since) / 1000).toFixed(1)} s`;
}

/** As many as fit, and how many more there are. */
function fit(addresses: readonly string[], width: number): string {
  const whole = addresses.join(' ');
  if (whole.length <= width) return whole;
  let shown = '';
  for (const [at, address] of addresses.entries()) {
    const next = `${shown}${address} `;
    if (next.length + `and ${addresses.length - at - 1} more`.length > width)
      return `${shown}and ${addresses.length - at} more`;
    shown = next;
  }
  return whole;
}
