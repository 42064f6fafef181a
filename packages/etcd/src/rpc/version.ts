/** The server's version, as `3.6.16`. */
export type ServerVersion = string;

/** A defect of etcd's watch, with the first patch release without it for each minor release. */
interface Defect {
  readonly what: string;
  readonly fixedIn: Readonly<Record<string, number>>;
}

/** From etcd's changelogs. Minor releases before the listed ones all have the defect; those after them do not. */
const PROGRESS: Defect = {
  what: 'progress replies may come before events (not trusted here)',
  fixedIn: { '3.4': 25, '3.5': 8 },
};
const DEFECTS: readonly Defect[] = [
  PROGRESS,
  { what: 'a watch may lose events after a compaction', fixedIn: { '3.4': 31, '3.5': 13 } },
  { what: 'a watch may miss a delete at a compaction', fixedIn: { '3.4': 36, '3.5': 18 } },
  { what: 'a watch of a future revision may get old events', fixedIn: { '3.4': 38, '3.5': 22, '3.6': 2 } },
  // GHSA-xg4h-6gfc-h4m8
  {
    what: 'a watch without an end may show keys that its user may not read',
    fixedIn: { '3.5': 33, '3.6': 14, '3.7': 1 },
  },
];

/** The known watch defects of a version; empty if the version cannot be read. */
export function knownDefects(version: ServerVersion): readonly string[] {
  return DEFECTS.filter((defect) => has(version, defect)).map(({ what }) => what);
}

/** Whether a progress reply proves that all earlier events were delivered. For an unknown version: no. */
export function trustsProgress(version: ServerVersion | undefined): boolean {
  return version !== undefined && has(version, PROGRESS) === false;
}

/** Parses a version; undefined if it is none. */
function has(version: ServerVersion, { fixedIn }: Defect): boolean | undefined {
  const [, major, minor, patch] = /^(\d+)\.(\d+)\.(\d+)/.exec(version) ?? [];
  if (major === undefined) return undefined;
  const fix = fixedIn[`${major}.${minor}`];
  if (fix !== undefined) return Number(patch) < fix;
  return Object.keys(fixedIn).every((known) => isBefore(`${major}.${minor}`, known));
}

function isBefore(a: string, b: string): boolean {
  const [major = 0, minor = 0] = a.split('.').map(Number);
  const [otherMajor = 0, otherMinor = 0] = b.split('.').map(Number);
  return major === otherMajor ? minor < otherMinor : major < otherMajor;
}
