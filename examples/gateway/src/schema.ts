import { Balancer } from '@rollcall/balancer';
import { z } from 'zod';

const name = z.string().min(1);
const headerName =
  /^(?!(?:connection|content-length|expect|te|trailer|transfer-encoding|upgrade)$)[\w!#$%&'*+.^`|~-]+$/;
const headers = z.record(z.string().toLowerCase().regex(headerName), z.string().regex(/^[\t\x20-\x7e]*$/)).optional();
const method = z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** `routes/NAME`: which requests go where. `path`: as `/users/:id`, `/static/*`. No `host`, no `methods`: any. */
export const routeSchema = z
  .strictObject({
    path: z.string().startsWith('/'),
    host: name.toLowerCase().optional(),
    methods: z.array(method).min(1).default(method.options),
    service: name.optional(),
    upstream: name.optional(),
    headers,
  })
  .refine(({ service, upstream }) => (service === undefined) !== (upstream === undefined), {
    message: 'needs "service" or "upstream", and not both',
  });
export type Route = z.infer<typeof routeSchema>;

/** `services/NAME`: what several routes share. */
export const serviceSchema = z.strictObject({ upstream: name, headers });

/** `node`, and the nodes of an upstream. */
export const nodeSchema = z
  .object({ host: name, port: z.number(), weight: z.number().optional(), priority: z.number().optional() })
  .superRefine((node, context) => {
    try {
      new Balancer([node], { now: () => 0 });
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message });
    }
  });

/** `upstreams/NAME`: the nodes that serve. `hashBy`: the header by which `consistentHash` picks; else the client. */
export const upstreamSchema = z.strictObject({
  nodes: z.array(nodeSchema),
  policy: z.enum(['roundRobin', 'consistentHash', 'leastConnections']).default('roundRobin'),
  hashBy: name.toLowerCase().optional(),
  headers,
});
