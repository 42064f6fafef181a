import { type BalancedNode, Balancer } from '@rollcall/balancer';
import Router from 'find-my-way';
import { collect, derive, type Logger, type Watcher } from 'rollcall';
import { nodeSchema, type Route, routeSchema, serviceSchema, upstreamSchema } from './schema.js';

/** Where a request goes, and the headers that are set on it. */
export interface Destination {
  readonly balancer: Balancer<BalancedNode>;
  readonly hashBy?: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

/** What requests are served from: one value, made of one state of the registry. */
export interface Table {
  find(method: string, path: string, host: string): Destination | undefined;
}

const now = (): number => performance.now();

export function createTables(watcher: Watcher, logger: Logger) {
  // A route that the router cannot take goes to quarantine, and the last good one stays.
  const onItem = (route: Route): void => void add(Router(), route);
  const routes = collect(watcher, { prefix: 'routes/', schema: routeSchema, onItem, logger });
  const services = collect(watcher, { prefix: 'services/', schema: serviceSchema, logger });
  const upstreams = collect(watcher, { prefix: 'upstreams/', schema: upstreamSchema, logger });
  // The smallest form: one key that is the upstream of every path.
  const node = collect(watcher, { single: 'node', schema: nodeSchema, logger });
  const collections = { routes, services, upstreams, node };
  // One balancer for each upstream: it keeps its turns and what it knows of its nodes while others change.
  const balancers = upstreams.each(({ nodes, policy }) => new Balancer(nodes, { policy, now }));
  const single = node.each((item) => new Balancer([item], { now }));

  const table = derive(
    [routes, services, upstreams, node],
    (routes, services, upstreams): Table => {
      const router = Router();
      for (const [key, route] of routes) {
        const service = services.get(route.service ?? '');
        const name = route.upstream ?? service?.upstream ?? '';
        const upstream = upstreams.get(name);
        if (upstream === undefined) logger.warn({ route: key }, 'This route leads to no upstream; it answers 503.');
        const balancer = balancers.get(name)?.value ?? new Balancer([], { now });
        const headers = { ...upstream?.headers, ...service?.headers, ...route.headers };
        try {
          const isFree = add(router, route, { balancer, hashBy: upstream?.hashBy, headers });
          if (!isFree) throw new Error('Another route has a method, host and path of it; that one counts.');
        } catch (error) {
          logger.warn({ route: key, err: error }, 'This route is not served in full.');
        }
      }
      const all = single.get('node');
      const anyPath = all && { balancer: all.value, headers: {} };
      const find: Table['find'] = (method, path, host) => {
        const name = host.toLowerCase().replace(/:\d*$/, '');
        const found = router.find(method as 'GET', path, { host: name });
        return found === null ? anyPath : (found.store as Destination);
      };
      return { find };
    },
    { logger },
  );
  /** The table of the present state; undefined before there is one. */
  const current = async (): Promise<Table | undefined> =>
    Object.values(collections).every(({ version }) => version > 0) ? table.get() : undefined;
  return { collections, current };
}

/** @returns whether no other route had a method, host and path of this one. */
function add(router: ReturnType<typeof Router>, { path, host, methods }: Route, to?: Destination): boolean {
  const constraints = host === undefined ? {} : { host };
  const free = methods.filter((method) => !router.hasRoute(method, path, constraints));
  if (free.length > 0) router.on(free, path, { constraints }, () => {}, to);
  return free.length === methods.length;
}
