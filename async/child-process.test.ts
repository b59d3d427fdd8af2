import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { describeExit, exitOf, runToEnd, tailOf, tailOfKept, terminate } from './child-process.ts';

test('runToEnd returns exit code and output of a program', async () => {
  const ended = await runToEnd('/bin/sh', ['-c', 'echo out; echo err >&2; exit 3']);
  expect(ended).toMatchObject({ code: 3, signal: null, stdout: 'out\n', stderr: 'err\n' });
});

test('runToEnd keeps only the end of a long output', async () => {
  const script = 'i=0; while [ $i -lt 1000 ]; do echo "line $i"; i=$((i+1)); done';
  const { stdout } = await runToEnd('/bin/sh', ['-c', script], { outputCharsMax: 18 });
  expect(stdout).toBe('line 998\nline 999\n');
});

test('runToEnd rejects when the program does not exist', async () => {
  await expect(runToEnd('/does/not/exist', [])).rejects.toMatchObject({ code: 'ENOENT' });
});

test('runToEnd ends the program on a signal, also on one that fired before the start', async () => {
  const stop = new AbortController();
  const running = runToEnd('/bin/sleep', ['60'], { abort: stop.signal });
  stop.abort();
  await expect(running).resolves.toMatchObject({ code: null, signal: 'SIGTERM' });
  const late = runToEnd('/bin/sleep', ['60'], { abort: stop.signal });
  await expect(late).resolves.toMatchObject({ signal: 'SIGTERM' });
});

test('runToEnd ends the program by the signal that the caller chooses', async () => {
  const options = { abort: AbortSignal.abort(), endSignal: 'SIGHUP' } as const;
  expect(await runToEnd('sleep', ['60'], options)).toMatchObject({ signal: 'SIGHUP' });
});

test('terminate ends also when a program in the background holds the pipes', async () => {
  const child = spawn('/bin/sh', ['-c', 'trap "" TERM; sleep 40 & echo ready; wait'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await once(child.stdout, 'data');
  // Without an end of its own it would wait for the end of that program.
  await terminate(child, 50);
  expect(child.signalCode).toBe('SIGKILL');
});

test('terminate kills a program that ignores SIGTERM', async () => {
  const child = spawn('/bin/sh', ['-c', 'trap "" TERM; echo ready; while :; do sleep 0.05; done'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const exit = exitOf(child);
  await once(child.stdout, 'data');
  await terminate(child, 50);
  expect(describeExit(await exit)).toBe('signal SIGKILL');
  await terminate(child, 50);
});

test('tailOf has the text that the process wrote so far', async () => {
  const child = spawn('/bin/sh', ['-c', 'echo one; echo two'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const tail = tailOf(child.stdout, 100);
  expect(describeExit(await exitOf(child))).toBe('exit code 0');
  expect(tail.text()).toBe('one\ntwo\n');
});

test('tailOfKept keeps the end of what a filter keeps, also of what the filter held back', async () => {
  const child = spawn('/bin/sh', ['-c', 'printf "abCdE"'], { stdio: ['ignore', 'pipe', 'ignore'] });
  let held = '';
  const upper = {
    take: (chunk: string) => {
      held = chunk.slice(-1);
      return chunk.slice(0, -1).toUpperCase();
    },
    end: () => held,
  };
  const tail = tailOfKept(child.stdout, 3, upper);
  await exitOf(child);
  expect(tail.text()).toBe('CDE');
});
