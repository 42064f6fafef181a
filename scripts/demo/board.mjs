// @ts-check

/**
 * @typedef {import('../../test/demo/lines.js').Line} Line
 * @typedef {import('../../test/demo/lines.js').ProducerName} ProducerName
 * @typedef {import('../../test/demo/lines.js').Standing} Standing
 * @typedef {import('@rollcall/cli/demo').Screen} Screen
 */

/** @type {readonly ProducerName[]} */
const PRODUCERS = ['static', 'rollcall'];
const LABELS = { static: 'static list', rollcall: "Rollcall's list" };
/** Shorter pauses than this are what sending is like, ms. */
const WORTH_TELLING_MS = 1_000;

/** Shows on a terminal what the demonstration tells: each event on a line, and below them how both producers stand. */
export class Board {
  #screen;
  /** @type {Partial<Record<ProducerName, Standing>>} */
  #standings = {};

  /** @param {Screen} screen */
  constructor(screen) {
    this.#screen = screen;
    screen.heading('Two Kafka producers, alike but for where they have their brokers from.');
    screen.line('  kafkajs, idempotent, every message acknowledged by all in-sync replicas.');
    screen.line('  One has a static list of three brokers; one has the list that Rollcall reads');
    screen.line('  from a file. Real brokers: starting them takes some seconds.');
    screen.line('');
  }

  /** @param {Line} line */
  tell(line) {
    const screen = this.#screen;
    switch (line.type) {
      case 'demo':
        screen.row({ sign: '●', colour: 'green', label: 'started', text: line.brokers.join(' ') });
        screen.detail('named in this file, which you may look into:');
        screen.line(`  ${line.file}`);
        break;
      case 'sending':
        screen.heading('Both send numbered messages.');
        break;
      case 'counts':
        this.#standings[line.producer] = line;
        // They come in pairs.
        if (line.producer === 'static') return;
        break;
      case 'killed':
        screen.heading('All brokers are killed (-9), and come back on other ports.');
        screen.row({ sign: '-', colour: 'red', label: 'killed', text: line.brokers.join(' ') });
        break;
      case 'moved':
        screen.row({ sign: '~', colour: 'yellow', label: 'moved', text: line.brokers.join(' ') });
        break;
      case 'edited':
        screen.heading('The file is edited. No producer is touched.');
        break;
      case 'recovered':
        screen.row({
          sign: '●',
          colour: 'green',
          label: 'recovered',
          text: `Rollcall's producer, ${seconds(line.afterEditMs)} after the edit`,
        });
        break;
      case 'reading':
        screen.clearLive();
        this.#standings = {};
        screen.heading("What the topic really holds, by Kafka's own consumer:");
        screen.line(table('', ['acknowledged', 'lost', 'duplicated', 'unanswered']));
        return;
      case 'result': {
        const { producer, acknowledged, lost, duplicated, pending } = line;
        screen.line(table(LABELS[producer], [acknowledged, lost, duplicated, pending]));
        break;
      }
      case 'verdict':
        screen.heading(line.text);
        screen.line('');
        return;
    }
    this.#draw();
  }

  #draw() {
    const rows = PRODUCERS.flatMap((producer) => {
      const standing = this.#standings[producer];
      return standing === undefined ? [] : [row(LABELS[producer], standing)];
    });
    if (rows.length === 0) return;
    const head = table('', ['acknowledged', 'a second', 'waiting', 'failed']);
    this.#screen.block([{ colour: 'dim', text: '' }, { colour: 'dim', text: head }, ...rows]);
  }
}

/**
 * @param {string} label
 * @param {Standing} standing
 * @returns {{ colour: 'red' | 'green', text: string }}
 */
function row(label, { acknowledged, perSecond, waitingMs, failed }) {
  const waits = waitingMs >= WORTH_TELLING_MS;
  const text = table(label, [acknowledged, perSecond, waits ? seconds(waitingMs) : '-', failed]);
  return { colour: waits ? 'red' : 'green', text };
}

/**
 * @param {string} label
 * @param {readonly (string | number)[]} cells
 */
function table(label, cells) {
  return `  ${label.padEnd(18)}${cells.map((cell) => String(cell).padStart(14)).join('')}`;
}

/** @param {number} ms */
function seconds(ms) {
  return `${(ms / 1000).toFixed(1)} s`;
}
