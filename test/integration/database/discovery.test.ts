import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { poll } from '../../../async/poll.ts';
import { EVERYTHING } from '../../../backup-set/base/selection.ts';
import { type Discovery, discoverRelations } from '../../../database/catalog/relations.ts';
import { sequenceStatements } from '../../../database/catalog/sequences.ts';
import { openSession, type Session } from '../../../database/session/session.ts';
import { parseSequenceValues, setSequences } from '../../../database/target/sequence-values.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';

let server: TestServer;
let session: Session;
beforeAll(async () => {
  server = await startPostgres({ databases: ['kinds'] });
  await server.psql(await readFile(new URL('./sql/kinds.sql', import.meta.url), 'utf8'), 'kinds');
  session = await openSession(server.target('kinds'), {
    purpose: 'backup',
    applicationName: 'stowage test',
  });
});
afterAll(async () => {
  await session?.close();
  await server?.stop();
});

describe('discovery', () => {
  it('ships tables and leaves with their columns, and configuration tables with their condition', async () => {
    const { relations } = await discoverRelations(session, EVERYTHING, { sizes: {} });
    expect(relations.map(({ oid: _, bytesEstimated: __, ...relation }) => relation)).toEqual([
      {
        schema: 'public',
        name: 'child',
        kind: 'table',
        columns: ['id', 'word', 'mood', 'last" one', 'note'],
        types: ['integer', 'public.citext', 'public.mood', 'text', 'text'],
        generated: [{ name: 'twice', type: 'integer', expression: '1' }],
      },
      {
        schema: 'public',
        name: 'ext_conf',
        kind: 'table',
        columns: ['k', 'builtin'],
        types: ['text', 'boolean'],
        generated: [],
        condition: 'NOT builtin',
      },
      {
        schema: 'public',
        name: 'fast',
        kind: 'table',
        columns: ['a'],
        types: ['integer'],
        generated: [],
      },
      { schema: 'public', name: 'nothing', kind: 'table', columns: [], types: [], generated: [] },
      {
        schema: 'public',
        name: 'plain',
        kind: 'table',
        columns: ['id', 'word', 'mood', 'last" one'],
        types: ['integer', 'public.citext', 'public.mood', 'text'],
        generated: [{ name: 'twice', type: 'integer', expression: '1' }],
      },
      {
        schema: 's.1"x',
        name: 'leaf',
        kind: 'partition',
        columns: ['id', 'd'],
        types: ['integer', 'date'],
        generated: [],
        partitionRoot: { schema: 'public', name: 'parts' },
      },
      {
        schema: 's.1"x',
        name: "t'b\\l\ne",
        kind: 'table',
        columns: ['a', 'b'],
        types: ['integer', 'integer'],
        generated: [],
      },
    ]);
    expect(relations.find(({ name }) => name === 'plain')?.bytesEstimated).toBeGreaterThan(0);
  });

  it('lists what is not shipped, and why', async () => {
    const selection = { ...EVERYTHING, unloggedRows: false };
    const { notShipped, largeObjects } = await discoverRelations(session, selection, {});
    expect(notShipped.map(({ name, kind, reason }) => [name, kind, reason])).toEqual([
      ['a_top', 'materialized-view', 'materialized-view'],
      ['ext_data', 'table', 'extension-member'],
      ['fast', 'table', 'unlogged'],
      ['parts', 'partitioned-table', 'partitioned-root'],
      ['parts_2026', 'partitioned-table', 'partitioned-root'],
      ['remote', 'foreign-table', 'foreign'],
      ['remote_leaf', 'foreign-table', 'foreign'],
      ['unfilled', 'materialized-view', 'materialized-view'],
      ['z_base', 'materialized-view', 'materialized-view'],
    ]);
    const roots = notShipped.map(({ name, partitionRoot }) => [name, partitionRoot?.name ?? null]);
    expect(Object.fromEntries(roots)).toMatchObject({
      parts: null,
      parts_2026: 'parts',
      remote: null,
      remote_leaf: 'parts',
    });
    expect(largeObjects).toBe(2);
  });

  it('lists populated materialized views, each after those that it reads', async () => {
    const { refresh } = await discoverRelations(session, EVERYTHING);
    expect(refresh.map(({ name }) => name)).toEqual(['z_base', 'a_top']);
  });

  it('applies a selection, also by the root of a partition', async () => {
    const selection = {
      ...EVERYTHING,
      includeTables: ['public.parts', 'public.*_top', 'public.remote'],
    };
    const { relations, notShipped, refresh } = await discoverRelations(session, selection, {});
    expect(relations.map(({ name }) => name)).toEqual(['leaf']);
    expect(refresh.map(({ name }) => name)).toEqual(['a_top']);
    expect(
      notShipped.filter(({ reason }) => reason === 'excluded').map(({ name }) => name),
    ).toEqual(['child', 'ext_conf', 'fast', 'nothing', 'plain', "t'b\\l\ne"]);
    expect(notShipped.find(({ name }) => name === 'remote')?.reason).toBe('foreign');
  });
});

describe('sizes of many tables', () => {
  const options = { relationsPerSession: 2 };
  const bytesOf = ({ relations }: Discovery) =>
    Object.fromEntries(relations.map(({ name, bytesEstimated }) => [name, bytesEstimated]));

  it('are read by several sessions, with a step for each, and are those that one session reads', async () => {
    const steps: string[] = [];
    const sizes = { ...options, onStep: (step: string) => steps.push(step) };
    const discovered = await discoverRelations(session, EVERYTHING, { sizes });
    expect(bytesOf(discovered)).toEqual(
      bytesOf(await discoverRelations(session, EVERYTHING, { sizes: {} })),
    );
    expect(steps.map((step) => step.replace(/^.*: /, ''))).toEqual([
      '0 of 7',
      '2 of 7',
      '4 of 7',
      '6 of 7',
    ]);
  });

  it('are read by the holder where another session waits to lock a table, or none can connect', async () => {
    const whole = bytesOf(await discoverRelations(session, EVERYTHING, { sizes: {} }));
    const truncates = await openSession(server.target('kinds'), {
      purpose: 'restore',
      applicationName: 'stowage test truncate',
    });
    await session.query('BEGIN; LOCK TABLE ONLY public.plain IN ACCESS SHARE MODE');
    const waiting = truncates.query('BEGIN; LOCK TABLE public.plain; ROLLBACK');
    try {
      await poll(
        async () =>
          (await session.query('SELECT FROM pg_locks WHERE NOT granted')).length > 0 || undefined,
        { everyMs: 20, timeoutMs: 10_000 },
      );
      expect(bytesOf(await discoverRelations(session, EVERYTHING, { sizes: options }))).toEqual(
        whole,
      );
    } finally {
      await session.query('ROLLBACK');
      await waiting;
      await truncates.close();
    }
    const alone = { ...session, target: { ...session.target, user: 'absent_role' } };
    expect(bytesOf(await discoverRelations(alone, EVERYTHING, { sizes: options }))).toEqual(whole);
  });
});

describe("sequences' values", () => {
  it('are set by one statement per line, for any name', async () => {
    const statements = await Array.fromAsync(sequenceStatements(session));
    expect(statements.every((statement) => !/[\r\n]/.test(statement))).toBe(true);
    expect(statements.map((statement) => /, (\d+, \w+)\);$/.exec(statement)?.[1])).toEqual([
      '41, true',
      '10, true',
      '1, true',
    ]);
    const values = parseSequenceValues(`${statements.join('\n')}\n`, 'sequences.sql.zst');
    expect(values.filter(({ name }) => name === "se'q\\\n1")).toHaveLength(1);
    await server.psql(
      "SELECT setval('public.plain_id_seq', 1, false), setval('public.\"se''q\\\n1\"', 1000)",
      'kinds',
    );
    const writing = await openSession(server.target('kinds'), {
      purpose: 'restore',
      applicationName: 'stowage test',
    });
    await setSequences(writing, values);
    await writing.close();
    expect(await Array.fromAsync(sequenceStatements(session))).toEqual(statements);
  });
});
