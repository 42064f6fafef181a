import { differences } from '../differences.js';
import { differenceLine, jsonLine } from '../jsonLines.js';
import { openPlaces, valuesOf } from '../place.js';
import type { Session } from '../session.js';
import { count, differenceText } from '../terminalLines.js';

/**
 * Prints what would have to change in the first place for it to hold what the second holds. Keys are relative to each
 * place's own prefix.
 * @throws WatchError when a URL cannot be used or a backend cannot answer.
 */
export async function diff(session: Session, from: string, to: string): Promise<void> {
  const places = openPlaces(session, from, to);
  try {
    const [before, after] = await Promise.all(places.map((place) => valuesOf(session, place)));
    const found = differences(before ?? new Map(), after ?? new Map());
    const line = session.json ? differenceLine : differenceText;
    await session.out.lines(found.map((each) => line(each, session)));
    const total = { type: 'compared', differences: found.length, keys: [before?.size, after?.size] };
    const text = found.length === 0 ? 'The same.' : `${count(found.length, 'difference')}.`;
    await session.out.lines([session.json ? jsonLine(total) : text]);
  } finally {
    await Promise.all(places.map(({ release }) => release()));
  }
}
