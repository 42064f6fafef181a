import type { Socket } from 'node:net';
import type { Timing } from '@rollcall/core';

/**
 * How long one half of a connection may say nothing once the other half has ended, ms: a client that closed its connection
 * can look like one that still listens, and a peer that hangs never ends its half.
 */
const LINGER_MS = 30_000;

/**
 * Two connections as one: what either says goes to the other, no faster than it takes it; the end of one's half ends the
 * other's; an error of one resets the other.
 * @param early what the client has said already.
 */
export function join(client: Socket, broker: Socket, early: readonly Buffer[], timing: Pick<Timing, 'schedule'>): void {
  for (const chunk of early) broker.write(chunk);
  carry(client, broker, timing);
  carry(broker, client, timing);
}

/** An end that the peer cannot take for the end of the data, unless it was told of that already. */
export function reset(socket: Socket): void {
  // Node cannot reset what it shuts down, and would never close it.
  if (socket.writableEnded) socket.destroy();
  else if (!socket.destroyed) socket.resetAndDestroy();
}

function carry(from: Socket, to: Socket, timing: Pick<Timing, 'schedule'>): void {
  from.pipe(to);
  from.once('end', () => {
    const wait = (heard: number): (() => void) =>
      timing.schedule(LINGER_MS, () => {
        if (to.bytesRead > heard) cancel = wait(to.bytesRead);
        else for (const each of [from, to]) reset(each);
      });
    let cancel = wait(to.bytesRead);
    to.once('close', () => cancel());
  });
  from.on('error', () => reset(to));
  // Destroyed before its end.
  from.once('close', () => {
    if (!from.readableEnded) reset(to);
  });
}
