import pino from 'pino';
import { expect, test } from 'vitest';
import { StowageError } from '../../backup-set/base/errors.ts';
import type { HeldSnapshot } from '../../database/flavour.ts';
import { Config } from '../config/schema.ts';
import type { ClusterContext } from '../context.ts';
import { newOutput } from '../output/output.ts';
import { ship } from './ship.ts';

test('ship returns an interruption before the first shipper as a failure, so that the seal names it', async () => {
  const stop = new AbortController();
  stop.abort(new StowageError('interrupted', 'stopped by SIGINT'));
  const clock = () => new Date();
  const segments = [{ content: 0, host: 'localhost' }];
  const context: ClusterContext = {
    env: {},
    clock,
    signal: stop.signal,
    log: pino({ level: 'silent' }),
    output: newOutput({ out: process.stdout, err: process.stderr }, false, clock),
    config: Config.parse({ root: 'file:///nowhere', database: 'd', segments }),
    sources: new Map(),
  };
  const segment = { content: 0, host: 'localhost', port: 1 };
  const lost = new Promise<never>(() => undefined);
  const held = { nodes: [{ segment }], lost } as unknown as HeldSnapshot;
  const tally = { contents: new Map(), dispatched: [] };
  const { failures } = await ship({
    context,
    store: {} as never,
    plan: {} as never,
    draft: {} as never,
    held,
    tally,
  });
  expect(failures).toMatchObject([
    { content: undefined, error: { code: 'interrupted', message: 'stopped by SIGINT' } },
  ]);
});
