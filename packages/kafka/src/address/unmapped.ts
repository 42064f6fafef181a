/** An IPv4-mapped IPv6 address (RFC 4291, 2.5.5.2), in canonical form or as a socket reports it. */
const MAPPED = /^::ffff:(?:([0-9a-f]{1,4}):([0-9a-f]{1,4})|(\d+\.\d+\.\d+\.\d+))$/i;

/** Gives `127.0.0.1` for `::ffff:7f00:1`, and any other host unchanged. */
export function unmapped(host: string): string {
  const [, high, low, dotted] = MAPPED.exec(host) ?? [];
  if (dotted !== undefined) return dotted;
  if (high === undefined || low === undefined) return host;
  const [a, b] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return `${a >> 8}.${a & 255}.${b >> 8}.${b & 255}`;
}
