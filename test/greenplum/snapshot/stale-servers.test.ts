import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EVERYTHING } from '../../../backup-set/base/selection.ts';
import type { Flavour, HeldSnapshot, Server } from '../../../database/flavour.ts';
import { greenplumFlavour } from '../../../database/greenplum/flavour.ts';
import { clustersUnderTest, targetOf, withoutGreenplum } from '../support/cluster.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';

const OPTIONS = { selection: EVERYTHING, lockTimeoutMs: 500, attemptsMax: 3 };
const ASKED = { mayLackDatabase: false, applicationName: 'stowage-test servers' };

describe.skipIf(withoutGreenplum)('a barrier that begins from what was read before', () => {
  let source: TestDatabase;
  let flavour: Flavour;
  let servers: readonly Server[];

  beforeAll(async () => {
    const [cluster] = await clustersUnderTest();
    source = await freshDatabase(cluster, ['CREATE TABLE t (id int) DISTRIBUTED BY (id);']);
    const { host, port } = cluster;
    flavour = greenplumFlavour({
      coordinator: { content: -1, host, port },
      connect: (segment) => ({ ...targetOf(cluster, source.name), ...segment }),
    });
    servers = await flavour.servers(ASKED);
  });
  afterAll(async () => {
    await source?.drop();
  });

  /** Where a snapshot that begins from these servers finds the segments. */
  async function taken(known: readonly Server[]) {
    let held: HeldSnapshot | undefined;
    try {
      held = await flavour.takeSnapshot({ ...OPTIONS, servers: known });
      return held.nodes.map(({ segment: { content, host, port } }) => ({ content, host, port }));
    } finally {
      await held?.release();
    }
  }

  const placesIn = (list: readonly Server[]) =>
    list.map(({ segment: { content, host, port } }) => ({ content, host, port }));

  test('reads the primaries again when another instance has taken the place of one', async () => {
    const [coordinator, first, second, ...rest] = servers;
    if (coordinator === undefined || first === undefined || second === undefined)
      throw new Error('the cluster has fewer than two segments');
    // As after a failover: both answer, and neither has the rows of the content.
    const swapped = [
      { segment: { ...first.segment, content: second.segment.content } },
      { segment: { ...second.segment, content: first.segment.content } },
    ].reverse();
    expect(await taken([coordinator, ...swapped, ...rest])).toEqual(placesIn(servers));
  });

  test('reads them again when one cannot be reached', async () => {
    const [coordinator, first, ...rest] = servers;
    if (coordinator === undefined || first === undefined) throw new Error('there is no segment');
    const lost = { segment: { ...first.segment, port: 1 } };
    expect(await taken([coordinator, lost, ...rest])).toEqual(placesIn(servers));
  });
});
