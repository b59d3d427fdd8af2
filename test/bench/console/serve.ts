/** The server of the console's bench, in a process of its own: `serve.ts FOLDER`. */
import { once } from 'node:events';
import { serveConsole } from '../../support/console/serve.ts';

const { url, stop } = await serveConsole({ bench: process.argv[2] ?? '' });
process.stdout.write(`${url}\n`);
process.on('message', () => process.send?.(process.memoryUsage.rss()));
await once(process, 'SIGTERM');
await stop();
