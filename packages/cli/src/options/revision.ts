import type { Revision } from '@rollcall/core';
import { isRevision } from '@rollcall/core/internal';
import { InvalidArgumentError } from 'commander';

/** A revision as other commands print it. @throws commander's InvalidArgumentError */
export function parseRevision(text: string): Revision {
  if (isRevision(text)) return text;
  throw new InvalidArgumentError('It must be a revision: a whole number above 0, such as 7.');
}
