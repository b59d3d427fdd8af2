import type { ConnectionTarget } from '../flavour.ts';

/** `content 3 (host:port/database)`, for messages. */
export function placeOf(target: ConnectionTarget): string {
  const address = `${target.host}:${target.port}/${target.database}`;
  return target.content === undefined ? address : `content ${target.content} (${address})`;
}
