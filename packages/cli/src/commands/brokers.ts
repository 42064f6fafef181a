import { type BrokerList, brokerList } from '@rollcall/kafka';
import { type PolicyFlags, policyOf } from '../options/policy.js';
import * as json from '../output/jsonLines.js';
import { StatusTeller } from '../output/statusTeller.js';
import * as terminal from '../output/terminalLines.js';
import { ANSWER_MS, type Session, watchUrl } from '../session/session.js';
import { explainBrokers } from './explainBrokers.js';

export interface BrokersOptions extends PolicyFlags {
  readonly prefix?: string;
  readonly once?: true;
  readonly explain?: true;
}

/**
 * Prints the bootstrap list, and again at each change, until the command is ended. With `once` it prints the present
 * list and ends; with `explain` it also prints what became of each key.
 * @throws WatchError the fatal error of the watch, TIMEOUT, INVALID_OPTION.
 */
export async function brokers(session: Session, url: string, options: BrokersOptions): Promise<void> {
  const { logger, out } = session;
  const { prefix, once } = options;
  const policy = policyOf(options, session.rollcall.brokerOptions(url), session.io.env);
  const watcher = watchUrl(session, url, prefix === undefined ? {} : { prefix });
  await using list = brokerList(watcher, { ...policy, logger });
  if (options.explain) {
    await explainBrokers(session, list); // awaited: the list is closed when this returns
    return;
  }
  const timeoutMs = session.timeoutMs ?? (once ? ANSWER_MS : undefined);
  if (timeoutMs !== undefined) await list.ready({ timeoutMs, signal: out.ended });
  if (once) {
    const update = await list.ready({ signal: out.ended });
    return out.lines([session.jsonAsked ? json.brokersLine([], update) : update.brokers.join(',')]);
  }
  await printBrokers(session, url, list);
}

/** Prints the list, each change of it, and when it becomes stale or live again, until the command is ended. */
export async function printBrokers(session: Session, url: string, list: BrokerList): Promise<void> {
  const { out } = session;
  const lines = session.json ? json : terminal;
  const format = { ...session, url };
  using status = new StatusTeller(list, out, (told) =>
    session.json ? json.statusLine(told) : terminal.statusLine(told, format),
  );
  let before: readonly string[] = [];
  for await (const update of list.updates({ signal: out.ended })) {
    await status.print(() => out.lines([lines.brokersLine(before, update, format)]));
    before = update.brokers;
  }
}
