import { mkdtemp, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import pino from 'pino';
import { expect, it, onTestFinished } from 'vitest';
import { TOOL } from '../../../backup-set/base/tool.ts';
import { runRequests } from '../../../cli/requests/runner.ts';
import { takerName } from '../../../cli/requests/taker.ts';
import type { ChildEnd } from '../../../cli/schedule/child.ts';
import {
  createRequest,
  describeRequest,
  describeRequests,
  startRequest,
} from '../../../functions/requests/requests.ts';
import { openStore } from '../../../storage/open.ts';

/** What becomes of a request when its command, or the server beside it, ends another way. */

const TOKEN = 'f00dfeed'.repeat(8);
const CHOICE = {
  timestamp: '20261128190000',
  manifestSha256: '0'.repeat(64),
  target: 'copy',
  mode: 'create',
  tables: [],
  parts: 'all',
  flags: [],
} as const;
const PID = 4242;

async function asked() {
  const folder = await mkdtemp(join(tmpdir(), 'stowage-runner-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const store = await openStore({ root: pathToFileURL(folder).href });
  onTestFinished(() => store.close());
  const deps = { store, clock: () => new Date(), log: pino({ level: 'silent' }) };
  const wanted = { choice: { ...CHOICE, tables: [], flags: [] }, by: 'anna', token: TOKEN };
  const request = await createRequest(deps, { ...wanted, expireMs: 3_600_000 });
  return { deps, id: request.id, own: { asked: request, token: TOKEN } };
}

/** A server that looks once, whose command does `act`. @returns what the server said. */
async function serveOnce(
  { deps, id }: Pick<Awaited<ReturnType<typeof asked>>, 'deps' | 'id'>,
  act: () => Promise<ChildEnd>,
) {
  const stopping = new AbortController();
  const said: string[] = [];
  const target = { name: 'copy', databases: ['orders'], modes: ['create'] as const };
  await runRequests({
    deps,
    settings: { token: TOKEN, expireHours: 1, targets: [{ ...target, run: 'serve' }] },
    runChild: async () => {
      const end = await act();
      stopping.abort();
      return end;
    },
    stopped: stopping.signal,
    events: {
      onStarted: () => said.push('started'),
      onEnded: () => said.push('ended'),
      onTaken: (_, by) => said.push(`taken by ${by}`),
      onTrouble: (message) => said.push(message),
    },
    lookMs: 10,
  });
  const found = await describeRequest(deps, id);
  return { said, state: found?.state, end: found?.end };
}

it('a server whose command comes too late leaves the request to the other, and writes no end', async () => {
  const one = await asked();
  const { said, state, end } = await serveOnce(one, async () => {
    await startRequest(one.deps, one.own, `${TOOL} on other, process 1`);
    return { pid: PID, exitCode: 4, code: 'request/refused', message: 'has taken it' };
  });
  expect(end).toBeUndefined();
  expect(state).toBe('started');
  expect(said).toEqual(['started', `taken by ${TOOL} on other, process 1`]);
});

it('a command that was killed after it took the request has failed', async () => {
  const one = await asked();
  const { said, end } = await serveOnce(one, async () => {
    await startRequest(one.deps, one.own, takerName(hostname(), PID));
    return { pid: PID, signal: 'SIGKILL' };
  });
  expect(end).toMatchObject({ status: 'failed' });
  expect(said).toEqual(['started', 'ended']);
});

it('a request that no command has taken when its server stops waits for the next server', async () => {
  const one = await asked();
  const stopped = new AbortController();
  const { state } = await serveOnce(one, async () => {
    stopped.abort();
    return { pid: PID, exitCode: 130, code: 'interrupted' };
  });
  expect(state).toBe('waiting');
});

it('a request that was taken long ago, and has no restore, is lost', async () => {
  const { deps, id, own } = await asked();
  const then = () => new Date(Date.now() - 3_600_000);
  await startRequest({ ...deps, clock: then }, own, takerName('gone', PID));
  expect(await describeRequest(deps, id)).toMatchObject({ state: 'lost' });
});

it('documents of the future hide no request', async () => {
  const { deps, id } = await asked();
  const made = [1, 2, 3].map((n) => `2999123123595900${n}-0badf00d`);
  for (const other of made)
    await deps.store.create(`requests/${other}/request.json`, Buffer.from('{}'));
  expect((await describeRequests(deps, 2)).map((one) => one.id)).toEqual([id]);
});
