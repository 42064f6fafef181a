import type { ErrorCode } from '@rollcall/core';

/** Why what a broker answered, or that it did not, is of no use. The message is a part of a sentence about it. */
export class AnswerError extends Error {
  override readonly name = 'AnswerError';
  readonly code: ErrorCode;

  constructor(why: string, code: ErrorCode = 'BAD_RESPONSE') {
    super(why);
    this.code = code;
  }
}
