import { spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A shell that outlives this process for a moment. When its input ends, however this process ended, it kills the
 * registered servers and removes their folder. (An exit handler would miss SIGKILL, a terminated thread and a
 * debugger.)
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
    // In a process group of its own: otherwise Ctrl-C would end it together with the process that it watches.
    const child = spawn('/bin/sh', ['-c', script, 'rollcall-reaper', this.folder], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.#input = child.stdin as Socket;
    child.unref();
    this.#input.unref();
  }

  /** Registers the process `pid`, which is killed when the owner ends. */
  register(pid: number): void {
    this.#input.write(`+ ${pid}\n`);
  }

  /** Unregisters the process `pid`, which has ended: its id may be used again. */
  unregister(pid: number): void {
    this.#input.write(`- ${pid}\n`);
  }

  /** Does now what the end of the owner does by itself. */
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
