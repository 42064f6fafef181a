import { type Revision, WatchError } from '@rollcall/core';
import { differences } from '../output/differences.js';
import { Different } from '../output/exitCode.js';
import { differenceLine, jsonLine } from '../output/jsonLines.js';
import { count, differenceText } from '../output/terminalLines.js';
import { type Content, contentOf, openPlace, openPlaces } from '../session/place.js';
import type { Session } from '../session/session.js';

export interface DiffOptions {
  /** With one URL: compares its content at this revision… */
  readonly from?: Revision;
  /** … with its content at this one. Default: now. */
  readonly to?: Revision;
  /** Ends with exit code 1 if there is a difference. */
  readonly exitCode?: true;
}

/**
 * Prints the changes that would make the first place's content equal to the second's, or how one place changed between
 * two revisions. Keys are relative to each place's own prefix.
 * @throws Different with `exitCode`, if they differ. WatchError INVALID_OPTION if neither a second URL nor a revision
 *   is given, or both; an error of a URL or a backend, also for a revision that it does not have.
 */
export async function diff(session: Session, url: string, url2: string | undefined, options: DiffOptions) {
  const found = await compare(session, url, url2, options);
  if (options.exitCode && found > 0) throw new Different();
}

/** @returns how many keys differ. */
async function compare(session: Session, url: string, url2: string | undefined, { from, to }: DiffOptions) {
  if (url2 === undefined) {
    if (from === undefined)
      throw wrong('give a second URL to compare with, or --from REVISION to compare with the past');
    return diffRevisions(session, url, from, to);
  }
  if (from !== undefined || to !== undefined) {
    throw wrong('--from and --to are revisions of one history: leave out the second URL, or them');
  }
  return diffPlaces(session, url, url2);
}

async function diffPlaces(session: Session, url: string, url2: string): Promise<number> {
  const [first, second] = openPlaces(session, url, url2);
  try {
    return await tell(session, await Promise.all([contentOf(session, first), contentOf(session, second)]));
  } finally {
    await Promise.all([first.release(), second.release()]);
  }
}

async function diffRevisions(session: Session, url: string, from: Revision, to: Revision | undefined): Promise<number> {
  const place = openPlace(session, url);
  try {
    const [before, after] = await Promise.all([contentOf(session, place, from), contentOf(session, place, to)]);
    return await tell(session, [before, after], { revisions: [before.revision, after.revision] });
  } finally {
    await place.release();
  }
}

async function tell(
  session: Session,
  [before, after]: readonly [Content, Content],
  history: { readonly revisions?: readonly [Revision, Revision] } = {},
): Promise<number> {
  const found = differences(before.values, after.values);
  const line = session.json ? differenceLine : differenceText;
  await session.out.lines(found.map((each) => line(each, session)));
  const total = {
    type: 'compared',
    differences: found.length,
    keys: [before.values.size, after.values.size],
    ...history,
  };
  const text = found.length === 0 ? 'The same.' : `${count(found.length, 'difference')}.`;
  const where =
    history.revisions === undefined ? '' : `  ${session.paint('dim', `revision ${history.revisions.join(' → ')}`)}`;
  await session.out.lines([session.json ? jsonLine(total) : text + where]);
  return found.length;
}

function wrong(fix: string): WatchError {
  return new WatchError('INVALID_OPTION', `diff: ${fix}.`);
}
