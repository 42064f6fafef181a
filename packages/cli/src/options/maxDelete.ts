import { InvalidArgumentError } from 'commander';

/** How many keys one comparison may delete. */
export type MaxDelete = { readonly keys: number } | { readonly percent: number };

/** So many deletions are always allowed: that a few keys go is more often meant than a mistake. */
const FEW = 3;

/** `20` or `50%`. @throws commander's InvalidArgumentError */
export function parseMaxDelete(text: string): MaxDelete {
  const [, number, percent] = /^(\d{1,9})(%?)$/.exec(text) ?? [];
  const amount = Number(number);
  if (number === undefined || (percent === '%' && amount > 100)) {
    throw new InvalidArgumentError('It must be a number of keys, as 20, or a part of them up to 100%.');
  }
  return percent === '%' ? { percent: amount } : { keys: amount };
}

/**
 * The reason why so many keys must not be deleted; undefined if they may. Without `--max-delete`, one comparison may
 * delete half of the keys, or 2. An empty source always needs 100 %, because it is more often a mistyped URL than an
 * emptied store.
 */
export function tooManyDeletes(
  deletes: number,
  { held, wanted, isFirst }: { readonly held: number; readonly wanted: number; readonly isFirst: boolean },
  limit: MaxDelete | undefined,
): string | undefined {
  if (deletes === 0) return undefined;
  const all = limit !== undefined && 'percent' in limit && limit.percent === 100;
  // A single live delete is allowed, also that of the last key.
  if (wanted === 0 && !all && (isFirst || deletes > 1)) {
    return `the source holds no key, so all ${held} of the target would be deleted (--max-delete 100% allows it)`;
  }
  if (deletes <= allowedOf(held, limit)) return undefined;
  return `${deletes} of the target's ${held} keys would be deleted (--max-delete allows more)`;
}

function allowedOf(held: number, limit: MaxDelete | undefined): number {
  if (limit === undefined) return Math.max(FEW - 1, Math.floor(held / 2));
  return 'keys' in limit ? limit.keys : Math.floor((held * limit.percent) / 100);
}
