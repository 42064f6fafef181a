/** Which part of each backoff is waited in a chaos run: more attempts in a given time. */
export const BACKOFF = 0.15;
