import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { StowageError } from '../../backup-set/base/errors.ts';
import type { AgentConfig } from './config.ts';

/**
 * Makes sure that no second agent of this name works for this root on this host: it would take our running orders for those of a
 * dead predecessor. A socket in Linux's abstract namespace is gone with its process, however that ended.
 * @throws StowageError `config/invalid`
 */
export async function lockAgent({ root, name, contents, coordinator }: AgentConfig): Promise<void> {
  // Who serves other instances claims other orders.
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
        `another agent named ${name} serves ${coordinator === undefined ? instance : 'this root'} on this host already`,
        { cause, where: { field: 'name' } },
      );
    }
  }
}
