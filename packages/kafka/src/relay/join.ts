import type { Socket } from 'node:net';
import type { Timing } from '@rollcall/core';

/**
 * How long one direction may be silent once the other has ended, ms. A client that closed its connection can look like
 * one that half-closed it, and a peer that hangs never ends its half.
 */
const LINGER_MS = 30_000;

/**
 * Joins two connections. Bytes of either go to the other, no faster than it reads them. The end of one direction ends
 * the other side's; an error of one side resets the other.
 * @param early bytes that the client has sent already.
 */
export function join(client: Socket, broker: Socket, early: readonly Buffer[], timing: Pick<Timing, 'schedule'>): void {
  for (const chunk of early) broker.write(chunk);
  carry(client, broker, timing);
  carry(broker, client, timing);
}

/** Resets a socket, so that the peer cannot take it for the end of the data; unless the end was sent already. */
export function reset(socket: Socket): void {
  // Node cannot reset a socket that it is shutting down, and would never close it.
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
  // The socket was destroyed before its end.
  from.once('close', () => {
    if (!from.readableEnded) reset(to);
  });
}
