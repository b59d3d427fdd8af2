import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { newOutput } from '../output/output.ts';
import { showSteps } from './steps.ts';

function outputTo(written: string[], json: boolean) {
  const stream = {
    write: (text: string) => written.push(text.trimEnd()),
  } as unknown as typeof process.stderr;
  return newOutput({ out: stream, err: stream }, json, () => new Date());
}

test('a step that lasts is said again and again, the latest one, until the command goes on', async () => {
  const written: string[] = [];
  let now = 0;
  const clock = () => {
    now += 10_000;
    return new Date(now);
  };
  {
    using steps = showSteps({ output: outputTo(written, false), clock }, 1);
    steps.begin('locking 5 tables');
    steps.begin('reading sizes');
    while (written.length < 2) await sleep(1);
  }
  expect(written.slice(0, 2)).toEqual([
    'snapshot: reading sizes (10s since the start)',
    'snapshot: reading sizes (20s since the start)',
  ]);
  const said = written.length;
  await sleep(5);
  expect(written).toHaveLength(said);
});

test('a short step, and a command that has begun none, print nothing', async () => {
  const written: string[] = [];
  {
    using steps = showSteps({ output: outputTo(written, false), clock: () => new Date() });
    steps.begin('locking 5 tables');
  }
  {
    using _ = showSteps({ output: outputTo(written, false), clock: () => new Date() }, 1);
    await sleep(5);
  }
  expect(written).toEqual([]);
});

test('with --json a step is an event with its name and the time since the start', async () => {
  const written: string[] = [];
  const clock = () => new Date(0);
  {
    using steps = showSteps({ output: outputTo(written, true), clock }, 1);
    steps.begin('reading sizes');
    while (written.length < 1) await sleep(1);
  }
  const [first = ''] = written;
  expect(JSON.parse(first)).toMatchObject({ event: 'step', step: 'reading sizes', elapsedMs: 0 });
});
