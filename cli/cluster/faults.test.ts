import { describe, expect, test } from 'vitest';
import type { Server } from '../../database/flavour.ts';
import { changesSince, type KnownCluster, wrongContents } from './faults.ts';

const server = (content: number, more: Partial<Server['identity'] & object> = {}): Server => ({
  segment: { content, host: `db${content}`, port: 5432 },
  identity: {
    serverVersion: '15.4',
    systemIdentifier: `id${content}`,
    instance: `started ${content}`,
    isStandby: false,
    databaseOid: '16384',
    ...more,
  },
});
const cluster = (...servers: Server[]) => ({
  cluster: 'c',
  flavour: 'shards',
  database: 'shop',
  servers,
});
/** What the newest set says of these servers. */
const known = (...servers: Server[]): KnownCluster => ({
  timestamp: '20260131120000',
  cluster: 'c',
  flavour: 'shards',
  database: 'shop',
  contents: servers.map(({ segment, identity }) => ({
    content: segment.content,
    host: segment.host,
    port: segment.port,
    serverVersion: '15.4',
    encoding: 'UTF8',
    part: { sha256: '', bytes: 0 },
    totals: { relations: 0, rows: 0, bytes: 0, storedBytes: 0, objects: 0, extents: 0 },
    ...(identity?.systemIdentifier !== undefined && {
      systemIdentifier: identity.systemIdentifier,
    }),
  })),
});
const whole = [-1, 0, 1].map((content) => server(content));

test('a cluster with its newest set has no fault', () => {
  expect(wrongContents(cluster(...whole), known(...whole))).toEqual([]);
  const same = known(...whole);
  expect(changesSince(cluster(...whole), { any: same, ofDatabase: same })).toEqual([]);
});

describe('two running servers with one system identifier', () => {
  const copy = server(1, { systemIdentifier: 'id0' });

  test('are refused when their databases have one oid, and may be accepted', () => {
    expect(wrongContents(cluster(server(0), copy), undefined)).toMatchObject([
      { code: 'cluster/overlap', where: { content: 1 }, canBeIntended: true },
    ]);
  });

  test('are no fault when their databases have other oids, or the newest set has them already', () => {
    const other = server(1, { systemIdentifier: 'id0', databaseOid: '16400' });
    expect(wrongContents(cluster(server(0), other), undefined)).toEqual([]);
    expect(wrongContents(cluster(server(0), copy), known(server(0), copy))).toEqual([]);
  });

  test('do not count as swapped: the identifier does not tell which is which', () => {
    const ofDatabase = known(server(0), copy);
    const swapped = cluster(server(0, { systemIdentifier: 'id0' }), copy);
    expect(changesSince(swapped, { ofDatabase })).toEqual([]);
  });
});

test('one server under two contents is refused even when it is accepted', () => {
  const twice = cluster(server(0), server(1, { instance: 'started 0' }));
  expect(wrongContents(twice, undefined)).toMatchObject([
    { code: 'cluster/overlap', canBeIntended: false },
  ]);
});

test('new servers are no change, as after an upgrade or a restore', () => {
  const upgraded = [0, 1].map((content) => server(content, { systemIdentifier: `new${content}` }));
  expect(changesSince(cluster(...upgraded), { ofDatabase: known(server(0), server(1)) })).toEqual(
    [],
  );
});

test('sets and servers without identifiers are not compared', () => {
  const unknown = [0, 1].map((content) => server(content, { systemIdentifier: undefined }));
  expect(changesSince(cluster(...unknown), { ofDatabase: known(server(0), server(1)) })).toEqual(
    [],
  );
  expect(changesSince(cluster(server(1), server(0)), { ofDatabase: known(...unknown) })).toEqual(
    [],
  );
});
