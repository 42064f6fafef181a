import { brokerList, createRelay } from '@rollcall/kafka';
import type { ListenAddress } from '../options/listen.js';
import { type PolicyFlags, policyOf } from '../options/policy.js';
import { jsonLine } from '../output/jsonLines.js';
import { relayLine } from '../output/terminalLines.js';
import { type Session, watchUrl } from '../session/session.js';
import { printBrokers } from './brokers.js';

export interface RelayCommandOptions extends PolicyFlags {
  readonly prefix?: string;
  readonly listen: ListenAddress;
}

/**
 * Forwards each connection to a broker of the present list, and prints that list as `brokers` does, until the command
 * is ended.
 * @throws WatchError INVALID_OPTION for an address that cannot be listened on or a wrong policy; the fatal error of the
 *   watch; TIMEOUT.
 */
export async function relay(session: Session, url: string, options: RelayCommandOptions): Promise<void> {
  const { io, logger, out, timeoutMs } = session;
  const { prefix, listen } = options;
  const policy = policyOf(options, session.rollcall.brokerOptions(url), io.env);
  const watcher = watchUrl(session, url, prefix === undefined ? {} : { prefix });
  await using list = brokerList(watcher, { ...policy, logger });
  await using relay = await createRelay(list, { ...listen, logger });
  await out.lines([
    session.json ? jsonLine({ type: 'relay', listen: relay.address }) : relayLine(relay.address, session),
  ]);
  if (timeoutMs !== undefined) await list.ready({ timeoutMs, signal: io.signal });
  await printBrokers(session, url, list);
  // If the reader of the output goes away, the relay keeps its clients.
  for await (const _ of list.updates({ signal: io.signal }));
}
