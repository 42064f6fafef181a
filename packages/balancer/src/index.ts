/**
 * Picks the endpoint of a request. It needs no other package: give it nodes from a collection, or from anywhere.
 * @module balancer
 */
export { Balancer, type BalancerOptions, type Policy } from './balancer.js';
export { BalancerError, type BalancerErrorCode } from './errors.js';
export type { BalancedNode } from './member.js';
export type { Attempt, BalancedRequest } from './request.js';
