/** The longest wait for a TCP connection, ms. A dial of an address that swallows packets takes so long. */
export const CONNECT_MS = 1_000;

/** The longest wait for an answer, ms: above the 7 s after which a member without a quorum gives up. */
export const ANSWER_MS = 10_000;

/** The longest wait for an answer that first needs a connection, ms. */
export const CONNECT_AND_ANSWER_MS = 5_000;

/** The longest wait for an answer from the last endpoint that is left, ms. The caller's signal may end it earlier. */
export const PATIENT_MS = 120_000;

/** The longest wait for the read that proves a silent watch, ms: a link that answers nothing for longer is dead. */
export const PROOF_MS = 3_000;

/** The limits of one call. */
export interface RpcLimits {
  readonly signal: AbortSignal;
  /** Time for the call, ms. Default: `ANSWER_MS`; `CONNECT_AND_ANSWER_MS` if it needs a connection first. */
  readonly deadlineMs?: number | undefined;
}
