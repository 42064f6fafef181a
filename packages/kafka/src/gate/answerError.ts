import type { ErrorCode } from '@rollcall/core';

/** Why a broker's answer, or its silence, cannot be used. The message completes a sentence about the broker. */
export class AnswerError extends Error {
  override readonly name = 'AnswerError';
  readonly code: ErrorCode;

  constructor(why: string, code: ErrorCode = 'BAD_RESPONSE') {
    super(why);
    this.code = code;
  }
}
