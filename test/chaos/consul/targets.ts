import type { ChaosTarget } from '../backend.js';
import { sameValue } from '../difference.js';

/** What a target asks Consul for. */
export type Asks =
  | { readonly kind: 'kv'; readonly prefix: string; readonly exact: boolean }
  | { readonly kind: 'service'; readonly service: string; readonly passing: boolean }
  | { readonly kind: 'catalog'; readonly of: 'nodes' | 'services' };

export interface ConsulTarget extends ChaosTarget {
  readonly asks: Asks;
  /** Whether its answers may be of a leader that lags behind, see `AccountOptions`. */
  readonly lags: boolean;
}

/** Through which links: those of the three servers, or the client agent's alone. */
type Way = 'servers' | 'agent';

interface Plan {
  readonly asks: Asks;
  readonly way: Way;
  /** More of the URL's query. */
  readonly mode?: string;
}

const STRICT = 'consistency=consistent';
const STALE = 'consistency=stale&max-stale=2s';
const kv = (prefix: string): Asks => ({ kind: 'kv', prefix, exact: false });
const key = (prefix: string): Asks => ({ kind: 'kv', prefix, exact: true });
const service = (name: string, passing = false): Asks => ({ kind: 'service', service: name, passing });
const catalog = (of: 'nodes' | 'services'): Asks => ({ kind: 'catalog', of });

/** No two ask for the same: the requests of each are counted by what they ask for. */
const PLANS: readonly Plan[] = [
  { asks: kv('kv/'), way: 'servers', mode: STRICT },
  { asks: kv('kv/a/'), way: 'agent', mode: STRICT },
  { asks: kv('kv/b/'), way: 'servers', mode: STALE },
  // A literal prefix, which its URL does not end with a slash.
  { asks: kv('kv/a'), way: 'servers' },
  { asks: kv('kv/c/'), way: 'agent' },
  { asks: key('cfg/mode'), way: 'servers', mode: STRICT },
  { asks: key('kv/a/steady-0'), way: 'agent' },
  { asks: kv('nothing/'), way: 'servers' },
  { asks: service('web'), way: 'servers', mode: STRICT },
  { asks: service('web', true), way: 'agent', mode: STRICT },
  { asks: service('api', true), way: 'servers' },
  { asks: service('api'), way: 'servers', mode: STALE },
  // Its instances are all of the client agent, and now and then there is none.
  { asks: service('job'), way: 'agent' },
  { asks: service('job', true), way: 'agent', mode: 'cached=true' },
  { asks: catalog('services'), way: 'servers' },
  { asks: catalog('nodes'), way: 'agent', mode: STRICT },
];

/** @param links `host:port` of the links, by way */
export function targetsOf(links: Readonly<Record<Way, readonly string[]>>): ConsulTarget[] {
  return PLANS.map(({ asks, way, mode }) => {
    const [path, query] = urlOf(asks);
    const parameters = [query, mode].filter((part) => part !== undefined).join('&');
    const literal = asks.kind === 'kv' && !asks.exact && !asks.prefix.endsWith('/');
    return {
      name: `${nameOf(asks)} by ${way}${mode === undefined ? '' : `, ${mode}`}`,
      url: `consul://${links[way].join(',')}/${literal ? '' : path}${parameters === '' ? '' : `?${parameters}`}`,
      asks,
      lags: mode !== STRICT,
      ...(literal && { prefix: asks.prefix }),
      // An instance's indexes also move with what is not shown of it, such as the output of a check.
      ...(asks.kind === 'service' && { same: (a, b) => sameValue(a, b) && a.createRevision === b.createRevision }),
    };
  });
}

function urlOf(asks: Asks): [path: string, query: string | undefined] {
  if (asks.kind === 'kv') return [asks.prefix, undefined];
  if (asks.kind === 'catalog') return ['', `catalog=${asks.of}`];
  return ['', `service=${asks.service}${asks.passing ? '&passing=true' : ''}`];
}

function nameOf(asks: Asks): string {
  if (asks.kind === 'kv') return asks.exact ? `key ${asks.prefix}` : `keys ${asks.prefix}`;
  if (asks.kind === 'catalog') return `catalog of ${asks.of}`;
  return `service ${asks.service}${asks.passing ? ', passing' : ''}`;
}
