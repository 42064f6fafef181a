import { InvalidArgumentError } from 'commander';

/** @throws commander's InvalidArgumentError */
export function parseCount(text: string): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && count >= 1) return count;
  throw new InvalidArgumentError('It must be a whole number, 1 or more.');
}
