import { spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A shell that outlives this process by an instant: when its input ends, however this process ended (an exit handler would
 * miss SIGKILL, a thread that is terminated, a debugger), it kills the servers that are still registered and removes
 * their folder.
 */
const script = `
trap '' INT TERM HUP
alive=''
while read -r sign pid; do
  rest=''
  for one in $alive; do [ "$one" = "$pid" ] || rest="$rest $one"; done
  alive=$rest
  [ "$sign" = + ] && alive="$alive $pid"
done
for one in $alive; do kill -9 "$one" 2>/dev/null; done
[ -z "$alive" ] || sleep 0.3
rm -rf -- "$1"
`;

export class Reaper {
  /** Removed when the reaper's owner has ended. */
  readonly folder: string;
  readonly #input: Socket;

  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), 'rollcall-test-'));
    // In a group of its own, or Ctrl-C would end it together with the process it watches.
    const child = spawn('/bin/sh', ['-c', script, 'rollcall-reaper', this.folder], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.#input = child.stdin as Socket;
    child.unref();
    this.#input.unref();
  }

  /** From now on the process `pid` dies with the owner. */
  register(pid: number): void {
    this.#input.write(`+ ${pid}\n`);
  }

  /** The process `pid` has ended; its id may come to mean another. */
  unregister(pid: number): void {
    this.#input.write(`- ${pid}\n`);
  }

  /** What the end of the owner does by itself. */
  reap(): void {
    this.#input.destroySoon();
  }
}

let shared: Reaper | undefined;

/** This process's reaper. */
export function reaper(): Reaper {
  shared ??= new Reaper();
  return shared;
}

/** This process's temporary folder, which is removed when the process has ended. */
export const temporaryRoot = (): string => reaper().folder;
