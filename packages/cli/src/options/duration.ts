import { InvalidArgumentError } from 'commander';

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
/** The longest time that a timer of Node can wait, ms. */
const MAX_MS = 2 ** 31 - 1;

/** `500ms`, `5s`, `2m`, `1h`; a number alone means seconds. In ms. @throws commander's InvalidArgumentError */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text);
  const ms = Number(match?.[1]) * (UNIT_MS[match?.[2] ?? 's'] as number);
  if (match !== null && ms > 0 && ms <= MAX_MS) return ms;
  throw new InvalidArgumentError('It must be a time above 0 and below 24 days, as 500ms, 5s or 2m.');
}
