import { expect, test } from 'vitest';
import type { LocalServer } from '../../database/local-server/local-server.ts';
import type { Context } from '../context.ts';
import { demoCluster } from './cluster.ts';
import type { DemoOutput } from './demo-output.ts';

test('the demo has a valid configuration for its servers', () => {
  const server = { host: '127.0.0.1', port: 5433, user: 'postgres', binDir: '/bin' } as LocalServer;
  const context = { output: {} } as Context;
  const { config } = demoCluster(context, {} as DemoOutput, [server, server], 'file:///demo');
  expect(config).toMatchObject({ cluster: 'demo', root: 'file:///demo', functions: 'inline' });
  expect(config.segments.map(({ content }) => content)).toEqual([0, 1]);
});
