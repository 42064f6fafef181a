import { systemTiming, WatchError } from '@rollcall/core';
import { until } from '@rollcall/core/internal';
import type { BrokerList, BrokerListDecision, BrokersExplained } from '@rollcall/kafka';
import { inFlags } from '../options/policy.js';
import * as json from '../output/jsonLines.js';
import * as terminal from '../output/terminalLines.js';
import { ANSWER_MS, type Session } from '../session/session.js';

/**
 * Prints what became of each key and why, then the decision, then the list if there is one.
 * @throws WatchError the reason why there is no list, after everything else was printed.
 */
export async function explainBrokers(session: Session, list: BrokerList): Promise<void> {
  const { out } = session;
  const { addresses, decision } = await decided(session, list).catch((error: unknown) => ({
    addresses: list.explain().addresses,
    decision: WatchError.from(error),
  }));
  out.ended.throwIfAborted();
  const told = addresses.map(({ reason, ...each }) => ({
    ...each,
    ...(reason !== undefined && { reason: inFlags(reason) }),
  }));
  if (session.json) await out.lines(told.map(json.explainLine));
  else await out.lines(terminal.explainTable(told, session));
  const error = errorOf(decision);
  const words = decision instanceof WatchError ? decision : { ...decision, reason: inFlags(decision.reason) };
  await out.lines([session.json ? json.decisionLine(words) : terminal.decisionText(words, session)]);
  if (error !== undefined) throw error;
  const update = await list.ready({ signal: out.ended });
  await out.lines([session.json ? json.brokersLine([], update) : terminal.brokersText([], update, session)]);
}

/** @throws WatchError the fatal error of the watch, TIMEOUT. */
function decided({ out, timeoutMs = ANSWER_MS }: Session, list: BrokerList): Promise<Required<BrokersExplained>> {
  const answer = (): Required<BrokersExplained> | undefined => {
    if (list.status.state === 'failed') throw list.status.error;
    const { addresses, decision } = list.explain();
    return decision && { addresses, decision };
  };
  const listen = (wake: () => void): (() => void) => {
    const ends = [list.onChange(wake), list.onStatus(wake)];
    return () => {
      for (const end of ends) end();
    };
  };
  const lastError = (): WatchError | undefined => ('error' in list.status ? list.status.error : undefined);
  return until(answer, listen, { timing: systemTiming, signal: out.ended, timeoutMs, lastError });
}

function errorOf(decision: BrokerListDecision | WatchError): WatchError | undefined {
  if (decision instanceof WatchError) return decision;
  if (decision.change !== 'refuse') return undefined;
  return new WatchError(decision.code, `${decision.reason} There is no list.`);
}
