import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below the ports that Linux gives to whoever asks for any (`ip_local_port_range`: 32768 and up), and above Ceph's: between
 * our look and the server's bind, which may be many seconds later, nobody gets one of these by chance.
 */
const FIRST = 15_000;
const BEYOND = 32_768;
const ATTEMPTS_MAX = 1_000;

/** A free TCP port of the loopback interface, which no other process of a test run gets while this one lives. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    const port = randomInt(FIRST, BEYOND);
    if ((await reserve(port)) && (await isFree(port))) return port;
  }
  throw new Error(`no free port from ${FIRST} to ${BEYOND - 1} in ${ATTEMPTS_MAX} attempts`);
}

/** A name in the abstract namespace (unix(7)) has one owner at a time, and nobody once that process is gone. */
async function reserve(port: number): Promise<boolean> {
  const claim = createServer().unref().listen(`\0stowage-test-port-${port}`);
  return begins(claim);
}

async function isFree(port: number): Promise<boolean> {
  const probe = createServer().listen(port, '127.0.0.1');
  if (!(await begins(probe))) return false;
  probe.close();
  await once(probe, 'close');
  return true;
}

/** @throws what is not about somebody else's being there. */
async function begins(server: ReturnType<typeof createServer>): Promise<boolean> {
  try {
    await once(server, 'listening');
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') return false;
    throw error;
  }
}
