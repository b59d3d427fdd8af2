import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { StowageError } from '../../backup-set/base/errors.ts';
import type { AgentConfig } from './config.ts';

/**
 * Prevents a second agent of this name for this root on this host: it would take running orders for
 * orders that were left by a dead process. A socket in Linux's abstract namespace disappears with
 * its process, however that ends.
 * @throws StowageError `config/invalid`
 */
export async function lockAgent({ root, name, contents, coordinator }: AgentConfig): Promise<void> {
  // Agents that serve different instances claim different orders.
  const instances =
    coordinator === undefined ? contents.map(({ host, port }) => `${host}:${port}`) : ['all'];
  for (const instance of instances) {
    const id = createHash('sha256')
      .update(JSON.stringify([root, name, instance]))
      .digest('hex');
    const server = createServer((socket) => socket.destroy()).unref();
    server.listen(`\0stowage-agent-${id.slice(0, 32)}`);
    try {
      await once(server, 'listening');
    } catch (cause) {
      throw new StowageError(
        'config/invalid',
        `another agent named ${name} on this host already serves ${coordinator === undefined ? instance : 'this root'}. Give each agent its own name`,
        { cause, where: { field: 'name' } },
      );
    }
  }
}
