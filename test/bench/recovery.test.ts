import { expect, test } from 'vitest';
import { etcd3Recovers, type Outage, type Recovery, rollcallRecovers } from './recovery.js';

/** All of the table takes about 15 minutes; in `npm test` one small outage of each backend shows that it measures. */
const WHOLE = process.env.ROLLCALL_BENCH === 'recovery';

const SMALL: readonly Outage[] = [
  { backend: 'etcd', lost: 'link', downMs: 500, watches: 5 },
  { backend: 'consul', lost: 'link', downMs: 500, watches: 5 },
];
const counts = [1, 200, 1_000];
const ALL: readonly Outage[] = (['etcd', 'consul'] as const).flatMap((backend) => [
  ...counts.map((watches): Outage => ({ backend, lost: 'link', downMs: 2_000, watches })),
  ...counts.map((watches): Outage => ({ backend, lost: 'server', downMs: 10_000, watches })),
  ...counts.map((watches): Outage => ({ backend, lost: 'server', downMs: 60_000, watches })),
]);

test('how long watches take to be live again after an outage', { timeout: 1_800_000 }, async () => {
  for (const outage of WHOLE ? ALL : SMALL) {
    const ours = await rollcallRecovers(outage);
    const peer = WHOLE && outage.backend === 'etcd' && outage.watches <= 200 ? await etcd3Recovers(outage) : undefined;
    expect(ours.watches).toBe(outage.watches);
    if (WHOLE) process.stdout.write(`${row(outage, ours, peer)}\n`);
  }
});

function row({ backend, lost, downMs, watches }: Outage, ours: Recovery, peer: Recovery | undefined): string {
  const seconds = ({ medianMs, lastMs }: Recovery): string =>
    `${(medianMs / 1000).toFixed(2)} s, ${(lastMs / 1000).toFixed(2)} s`;
  const what = `${backend}, ${lost} down for ${downMs / 1000} s`;
  return `| ${what} | ${watches} | ${seconds(ours)} | ${peer === undefined ? '' : seconds(peer)} |`;
}
