import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CliResult, failureOf, stowage } from '../../support/cli.ts';
import { configFor, DATABASE } from '../../support/e2e/cluster.ts';
import { startServe } from '../../support/e2e/deployments.ts';
import { cephPlace, type Place, withoutCeph } from '../../support/e2e/place.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';

const eventsOf = ({ stderrEvents }: CliResult) =>
  stderrEvents.map(({ event }) => event).filter((event) => event.startsWith('functions-'));

// On S3 the default is that deployed functions judge a set.
describe.skipIf(withoutCeph)('on S3 without a setting for functions', () => {
  let place: Place;
  let server: TestServer;
  beforeAll(async () => {
    [place, server] = await Promise.all([cephPlace(), startPostgres({ databases: [DATABASE] })]);
    await server.psql('CREATE TABLE t AS SELECT 1 AS a', DATABASE);
  });
  afterAll(async () => {
    await server?.stop();
    await place?.stop();
  });

  test('backups and restores say that no function has written to the root, and run the functions themselves', async () => {
    const root = place.newRoot();
    const config = await configFor(place, [server], root);
    const run = (...args: string[]) => stowage(args, { config, env: place.env });
    const first = await run('backup');
    expect(failureOf(first)).toBeUndefined();
    expect(eventsOf(first)).toEqual(['functions-unseen', 'functions-inline']);
    // The verdicts that the command wrote are no sign of functions.
    const { timestamp } = first.json;
    const restore = await run('restore', timestamp, '--create', '--database', 'restored');
    expect(failureOf(restore)).toBeUndefined();
    expect(eventsOf(restore)).toEqual(['functions-unseen', 'functions-inline']);
    expect(await server.psql('SELECT a FROM t', 'restored')).toBe('1');
  });

  test('a backup waits for functions that have written to the root before', async () => {
    const root = place.newRoot();
    const config = await configFor(place, [server], root);
    const { server: serve } = await startServe(place, config, 1);
    const options = { config, env: place.env };
    const first = await stowage(['backup'], options);
    serve.kill('SIGTERM');
    await serve.ended;
    expect(failureOf(first)).toBeUndefined();
    const alone = await stowage(['backup', '--wait', '12'], options);
    expect(alone.json.status).toBe('unproven');
    expect(eventsOf(alone)).toEqual([]);
  });
});
