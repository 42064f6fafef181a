// @ts-check

/** A failure whose message tells a person what went wrong and what to do; printed without a stack, exit code 1. */
export class ServersError extends Error {
  /** @override */
  name = 'ServersError';
}

/** The command line was wrong: printed with the usage, exit code 2. */
export class UsageError extends Error {
  /** @override */
  name = 'UsageError';
}
