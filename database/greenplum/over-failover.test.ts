import { expect, test } from 'vitest';
import { type ErrorCode, StowageError } from '../../backup-set/base/errors.ts';
import { overFailover } from './over-failover.ts';
import type { GreenplumTopology } from './topology.ts';

const at = (port: number): GreenplumTopology => ({
  version: { text: '6.24.3', major: 6 },
  utility: '',
  segments: [{ content: 0, host: 'sdw1', port }],
});

/** Work that fails with this code on the primary at 6000, where the topology changes to `after`. */
async function attempts(code: ErrorCode, after: GreenplumTopology | undefined) {
  const ports: number[] = [];
  let reads = 0;
  const read = () => {
    reads += 1;
    if (reads === 1) return Promise.resolve(at(6000));
    return after === undefined ? Promise.reject(new Error('down')) : Promise.resolve(after);
  };
  const outcome = await overFailover(read, ({ segments: [segment] }) => {
    const port = segment?.port ?? 0;
    ports.push(port);
    const error = new StowageError(code, 'failed', { where: { content: 0 } });
    return port === 6000 ? Promise.reject(error) : Promise.resolve('done');
  }).catch((error: StowageError) => error.code);
  return { ports, outcome };
}

test.each(['database/segment-down', 'database/unreachable'] as const)(
  'work that fails with %s is done once more on the new primary',
  async (code) => {
    expect(await attempts(code, at(7000))).toEqual({ ports: [6000, 7000], outcome: 'done' });
  },
);

test.each([
  ['the primary is still the same', 'database/unreachable', at(6000)],
  ['no mirror took over', 'database/segment-down', undefined],
  ['it failed for another reason', 'database/locked', at(7000)],
] as const)('work is not repeated when %s', async (_, code, after) => {
  expect(await attempts(code, after)).toEqual({ ports: [6000], outcome: code });
});

test('a topology that is known is not read, until it was wrong', async () => {
  let reads = 0;
  const read = () => {
    reads += 1;
    return Promise.resolve(at(7000));
  };
  const portOf = ({ segments: [segment] }: GreenplumTopology) => segment?.port;
  expect(await overFailover(read, (known) => Promise.resolve(portOf(known)), at(6000))).toBe(6000);
  expect(reads).toBe(0);
  const moved = new StowageError('database/segment-down', 'moved');
  const work = (topology: GreenplumTopology) =>
    portOf(topology) === 6000 ? Promise.reject(moved) : Promise.resolve(portOf(topology));
  expect(await overFailover(read, work, at(6000))).toBe(7000);
});
