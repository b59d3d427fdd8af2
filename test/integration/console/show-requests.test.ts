import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import pino from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { sha256 } from '../../../backup-set/base/document.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { timestampOf } from '../../../backup-set/base/timestamps.ts';
import type { RestoreChoice } from '../../../backup-set/documents/restore/asked.ts';
import { optionsFrom } from '../../../cli/restore/command/options.ts';
import { runDryRun } from '../../../cli/restore/coordinate.ts';
import {
  createRequest,
  describeRequest,
  endRequest,
  startRequest,
} from '../../../functions/requests/requests.ts';
import { openStore } from '../../../storage/open.ts';
import { writeComplete } from '../../support/console/sets.ts';
import { STOWAGE_SOURCE } from '../../support/programs/programs.ts';
import { contextOf } from '../mapped/commands.ts';

/** What an operator sees of requests on the command line. */

const TOKEN = 'f00dfeed'.repeat(8);
const timestamp = timestampOf(new Date(Date.now() - 3_600_000));
let folder = '';
const ENCRYPTED = '20261130035601';
const ids = { waiting: '', forged: '', lost: '', ended: '', planted: '', encrypted: '' };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-show-requests-'));
  const at = (name: string) => join(folder, name);
  const root = pathToFileURL(at('root')).href;
  await cp('test/golden/sets/v1-encrypted/root', at('root'), { recursive: true });
  const tables = [{ schema: 'sales', name: 'orders' }];
  await writeComplete(at('root'), {
    timestamp,
    contents: 1,
    tables,
    growth: 1,
    database: 'orders',
  });
  await writeFile(at('token'), TOKEN, { mode: 0o600 });
  const target = { name: 'staging', config: at('staging.yaml') };
  const segments = [{ content: 0, host: '127.0.0.1', port: 1 }];
  await writeFile(target.config, stringify({ root, database: 'orders', segments }));
  const file = {
    ...{ root, database: 'orders', segments },
    requests: { tokenFile: at('token'), targets: [target] },
  };
  await writeFile(at('stowage.yaml'), stringify(file));
  const store = await openStore({ root });
  const deps = { store, clock: () => new Date(), log: pino({ level: 'silent' }) };
  const make = async (token: string, set = timestamp) => {
    const key = formatKey({ kind: 'manifest', timestamp: set });
    const manifestSha256 = sha256(await store.read(key, { bytesMax: 10_000_000 }));
    const choice: RestoreChoice = {
      ...{ timestamp: set, manifestSha256, target: 'staging', mode: 'create', parts: 'all' },
      ...{ tables: [], flags: [] },
    };
    return (await createRequest(deps, { choice, by: 'anna', token, expireMs: 3_600_000 })).id;
  };
  ids.waiting = await make(TOKEN);
  ids.forged = await make(TOKEN.replace('f', 'e'));
  ids.lost = await make(TOKEN);
  ids.ended = await make(TOKEN);
  ids.planted = await make(TOKEN);
  ids.encrypted = await make(TOKEN, ENCRYPTED);
  const before = () => new Date(Date.now() - 3_600_000);
  const own = async (id: string) => {
    const { asked } = (await describeRequest(deps, id)) ?? {};
    if (asked === undefined) throw new Error(`there is no request ${id}`);
    return { asked, token: TOKEN };
  };
  await startRequest({ ...deps, clock: before }, await own(ids.lost), 'a command that was killed');
  await endRequest(deps, await own(ids.ended), { status: 'refused', message: 'no such role' });
  // A writer of the bucket says that nothing is left to do.
  const planted = { ...(await own(ids.planted)), token: TOKEN.replace('f', 'e') };
  await endRequest(deps, planted, { status: 'restored', exitCode: 0 });
  await store.close();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function run(...args: string[]) {
  const all = [STOWAGE_SOURCE, '--config', join(folder, 'stowage.yaml'), ...args];
  return new Promise<{ exitCode: unknown; text: string }>((resolve) =>
    execFile(process.execPath, all, { env: { COLUMNS: '80' } }, (error, stdout, stderr) =>
      resolve({ exitCode: error === null ? 0 : error.code, text: stdout + stderr }),
    ),
  );
}

it('a forged request is called so, and gives no command line to paste', async () => {
  const { text } = await run('show', ids.forged);
  expect(text).toContain('FORGED');
  expect(text).not.toMatch(/as a command line|--yes/);
  expect((await run('restore', '--request', ids.forged, '--yes')).text).toContain('proof');
  const { requests } = JSON.parse((await run('list', 'requests', '--json')).text) as {
    requests: { id: string; state: string }[];
  };
  expect(Object.fromEntries(requests.map(({ id, state }) => [id, state]))).toEqual({
    [ids.waiting]: 'waiting',
    [ids.forged]: 'forged',
    [ids.lost]: 'lost',
    [ids.ended]: 'refused',
    [ids.planted]: 'unproven',
    [ids.encrypted]: 'waiting',
  });
});

it('a request whose command died is lost, and the operator is told what to do', async () => {
  const { text } = await run('show', ids.lost);
  expect(text).toMatch(/lost: [^\n]*the target was not changed\nask again/);
  expect(text).not.toContain('--resume');
  const { attention } = JSON.parse((await run('status', '--json')).text) as {
    attention: { code: string; message: string }[];
  };
  const said = attention.map(({ code }) => code).filter((code) => code.startsWith('request-'));
  expect(said.toSorted()).toEqual([
    ...['request-forged', 'request-lost', 'request-unproven', 'request-waits', 'request-waits'],
  ]);
});

it('a request that has ended before it was taken is refused for this reason, not as expired', async () => {
  const { exitCode, text } = await run('restore', '--request', ids.ended, '--yes');
  expect(exitCode).toBe(4);
  expect(text).toMatch(/has ended at .*: no such role/);
});

it('a planted end of a request is not shown as its end, and the request is not carried out', async () => {
  const { exitCode, text } = await run('show', ids.planted);
  expect([exitCode, text]).toEqual([0, expect.stringContaining('UNPROVEN')]);
  expect(text).not.toMatch(/^restored/m);
  const taken = await run('restore', '--request', ids.planted, '--yes');
  expect([taken.exitCode, taken.text]).toEqual([4, expect.stringMatching(/run-end.json says/)]);
});

it('the restore of a request refuses a manifest that was exchanged after the check of the request', async () => {
  const context = await contextOf(join(folder, 'stowage.yaml'));
  const restore = { ...optionsFrom({ create: true }, [timestamp]), id: ids.waiting };
  const refused = runDryRun(context, { ...restore, manifestSha256: '0'.repeat(64) });
  await expect(refused).rejects.toMatchObject({
    code: 'request/refused',
    message: expect.stringContaining('has changed since'),
  });
});

it('a forgotten --identity does not use a request up', async () => {
  const { exitCode, text } = await run('restore', '--request', ids.encrypted, '--yes');
  expect([exitCode, text]).toEqual([4, expect.stringContaining('encryption/no-identity')]);
  expect((await run('show', ids.encrypted)).text).toMatch(
    /waiting: `stowage restore --request \S+ --yes --identity=IDENTITY-FILE` carries it out/,
  );
});
