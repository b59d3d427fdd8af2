import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stowage, writeConfig } from '../support/cli.ts';
import { configFor, DATABASE, leftoversOnAll } from '../support/e2e/cluster.ts';
import { storedKeys } from '../support/e2e/interrupted-run.ts';
import { directoryPlace, type Place } from '../support/e2e/place.ts';
import { SLOW_RATE_BYTES } from '../support/e2e/processes.ts';
import { SHIPPER, STOWAGE } from '../support/programs/programs.ts';
import { startCluster, stopAll, type TestServer } from '../support/servers/postgres.ts';
import { bigTable } from '../support/trouble/trouble.ts';
import { waitFor, waitUntil } from '../support/wait-for.ts';

/** `script` of util-linux gives a program a terminal of its own, which ends with it. */
const runnable = hasScript();
if (!runnable) process.stderr.write('not run: programs in a terminal (no /usr/bin/script)\n');

const MEGABYTES = 60;

describe.skipIf(!runnable)('in a terminal that is closed', () => {
  let place: Place;
  let servers: TestServer[];

  beforeAll(async () => {
    [place, servers] = await Promise.all([
      directoryPlace(),
      startCluster(1, { databases: [DATABASE] }),
    ]);
    for (const sql of bigTable(MEGABYTES, 0)) await servers[0]?.psql(sql, DATABASE);
  });
  afterAll(async () => {
    await stopAll(servers);
    await place?.stop();
  });

  /** Runs a command in a terminal, and writes its exit code into a file when it has ended. */
  function inTerminal(name: string, command: string) {
    const file = join(place.folder, `${name}.exit`);
    const log = join(place.folder, `${name}.log`);
    // The outer shell leads the session: with its end the kernel sends SIGHUP to the others. The
    // inner one ignores it, so that it can tell how the program ended.
    const shell = `(trap '' HUP; ${command}; echo $? > '${file}'); true`;
    const terminal = spawn('script', ['-qfc', shell, log], { stdio: 'ignore' });
    const exitCode = () =>
      waitFor('the exit code', () =>
        readFile(file, 'utf8').then(
          (text) => (text.endsWith('\n') ? text.trim() : undefined),
          () => undefined,
        ),
      );
    const shows = (text: string) =>
      waitUntil(async () => (await readFile(log, 'utf8').catch(() => '')).includes(text));
    return { terminal, shows, exitCode };
  }

  test('a backup ends with exit code 130, a seal and the verdict incomplete', async () => {
    const root = place.newRoot();
    const shippers = { workers: 2, maxRateBytes: SLOW_RATE_BYTES };
    const config = await configFor(place, servers, root, { shippers });
    const store = await place.open(root);
    const { terminal, exitCode } = inTerminal(
      'backup',
      `'${process.execPath}' '${STOWAGE}' backup --config '${config}'`,
    );
    await waitUntil(
      async () =>
        (await servers[0]?.psql("SELECT pid FROM pg_stat_activity WHERE query LIKE 'COPY %'")) !==
        '',
    );
    close(terminal);
    expect(await exitCode()).toBe('130');
    expect(await storedKeys(store, 'seal')).toHaveLength(1);
    const { json } = await stowage(['list'], { config });
    expect(json.sets).toMatchObject([{ status: 'incomplete' }]);
    expect(await leftoversOnAll(servers)).toEqual([]);
    await store.close();
  });

  test('an agent ends with exit code 0', async () => {
    const root = place.newRoot();
    const [first] = servers;
    const config = await writeConfig(join(place.folder, 'agent.yaml'), {
      root,
      name: 'db0',
      contents: [{ content: 0, host: first?.host, port: first?.port }],
      connection: { user: first?.user, binDir: first?.binDir },
    });
    const { terminal, shows, exitCode } = inTerminal(
      'agent',
      `'${process.execPath}' '${SHIPPER}' agent --config '${config}'`,
    );
    await shows('agent started');
    close(terminal);
    expect(await exitCode()).toBe('0');
  });
});

function close(terminal: ChildProcess): void {
  terminal.kill('SIGKILL');
}

function hasScript(): boolean {
  try {
    execFileSync('script', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
