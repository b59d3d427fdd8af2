import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below the ports that Linux assigns (`ip_local_port_range`: 32768 and up), and above those of
 * Ceph. Many seconds may pass until the server binds its port; Linux assigns none of these
 * meanwhile.
 */
const FIRST = 15_000;
const BEYOND = 32_768;
const ATTEMPTS_MAX = 1_000;

/** A free loopback TCP port. No other process of a test run gets it while this process lives. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    const port = randomInt(FIRST, BEYOND);
    if ((await reserve(port)) && (await isFree(port))) return port;
  }
  throw new Error(`no free port from ${FIRST} to ${BEYOND - 1} in ${ATTEMPTS_MAX} attempts`);
}

/** A name in the abstract namespace (unix(7)) has one owner, and none after that process ends. */
async function reserve(port: number): Promise<boolean> {
  const claim = createServer().unref().listen(`\0stowage-test-port-${port}`);
  return listens(claim);
}

async function isFree(port: number): Promise<boolean> {
  const probe = createServer().listen(port, '127.0.0.1');
  if (!(await listens(probe))) return false;
  probe.close();
  await once(probe, 'close');
  return true;
}

/** False when the address is in use. @throws any other error. */
async function listens(server: ReturnType<typeof createServer>): Promise<boolean> {
  try {
    await once(server, 'listening');
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') return false;
    throw error;
  }
}
