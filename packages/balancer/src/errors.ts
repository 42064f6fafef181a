/** `NO_NODES`: no node has a weight above 0. `ALL_TRIED`: the request has tried every node. */
export type BalancerErrorCode = 'NO_NODES' | 'ALL_TRIED' | 'INVALID_NODE' | 'INVALID_OPTION';

export class BalancerError extends Error {
  override readonly name = 'BalancerError';
  readonly code: BalancerErrorCode;

  constructor(code: BalancerErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
