/** An IPv4 address in IPv6's form (RFC 4291, 2.5.5.2), canonical or as a socket tells it. */
const MAPPED = /^::ffff:(?:([0-9a-f]{1,4}):([0-9a-f]{1,4})|(\d+\.\d+\.\d+\.\d+))$/i;

/** `::ffff:7f00:1` is 127.0.0.1; any other host is itself. */
export function unmapped(host: string): string {
  const [, high, low, dotted] = MAPPED.exec(host) ?? [];
  if (dotted !== undefined) return dotted;
  if (high === undefined || low === undefined) return host;
  const [a, b] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return `${a >> 8}.${a & 255}.${b >> 8}.${b & 255}`;
}
