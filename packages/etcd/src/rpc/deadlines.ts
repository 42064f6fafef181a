/** The longest wait for a TCP connection, ms: an address that swallows packets costs this at each dial. */
export const CONNECT_MS = 1_000;

/** The longest wait for an answer, ms: above the 7 s after which a member without a quorum gives up by itself. */
export const ANSWER_MS = 10_000;

/** The longest wait for an answer that first needs a connection, ms. */
export const CONNECT_AND_ANSWER_MS = 5_000;

/** The longest wait, ms, for an answer that no other endpoint is left to give: the caller's own signal may end it before. */
export const PATIENT_MS = 120_000;

/** The longest wait, ms, for the read that proves a silent watch: a link that answers nothing for longer is dead. */
export const PROOF_MS = 3_000;

/** How long a call may take. */
export interface RpcLimits {
  readonly signal: AbortSignal;
  /** ms. Default: `ANSWER_MS`, and `CONNECT_AND_ANSWER_MS` where it first needs a connection. */
  readonly deadlineMs?: number | undefined;
}
