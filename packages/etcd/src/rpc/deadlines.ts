/** The longest wait for an answer, ms: above the 7 s after which a member without a quorum gives up by itself. */
export const ANSWER_MS = 10_000;

/** The longest wait for an answer that first needs a connection, ms: an address that swallows packets costs this. */
export const CONNECT_AND_ANSWER_MS = 5_000;
