import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  countedOf,
  nameOf,
  strategyOf,
  sum,
  textOf,
  wantedExtents,
} from '../testing/coordinated.ts';
import { greenplumCase } from '../testing/greenplum.ts';
import { ordersFor, planOf } from '../testing/restores.ts';
import { COORDINATOR } from './phases.ts';
import { chosenRelations, isWhole } from './plan.ts';

/** The contents that get work: of a set through the coordinator, only the coordinator. */
function targetsOf({ request, manifest }: Parameters<typeof planOf>[0]): number[] {
  const isThrough = manifest.snapshot.mechanism === 'coordinator';
  return Array.from({ length: isThrough ? 1 : request.target.contents.length }, (_, at) => at - 1);
}

describe('the plan of a coordinated restore', () => {
  test('counts relations and rows at the coordinator, which alone loads', () => {
    fc.assert(
      fc.property(greenplumCase, (restore) => {
        const { request, manifest } = restore;
        const chosen = chosenRelations(request, manifest);
        const { contents, totals } = planOf(restore);
        const rows = sum([...chosen.keys()], (id) => countedOf(restore, id).rows);
        const [coordinator, ...segments] = contents;
        expect(coordinator).toMatchObject({ content: COORDINATOR, relations: chosen.size, rows });
        for (const segment of segments) expect(segment).toMatchObject({ relations: 0, rows: 0 });
        expect(totals).toEqual({
          contents: targetsOf(restore).length,
          relations: chosen.size,
          rows,
          bytes: sum([...chosen.keys()], (id) => countedOf(restore, id).bytes),
          storedBytes: sum(wantedExtents(restore), ({ extent }) => extent.length),
        });
        if (isWhole(request)) expect(totals.rows).toBe(manifest.totals.rows);
      }),
    );
  });

  test('counts the bytes of each content where they are read', () => {
    fc.assert(
      fc.property(greenplumCase, (restore) => {
        const { contents, totals } = planOf(restore);
        const chosen = [...chosenRelations(restore.request, restore.manifest).keys()];
        const apart = strategyOf(restore) === 'on-segment';
        for (const { content, bytes, storedBytes } of contents) {
          const extents = wantedExtents(restore).filter((wanted) => wanted.content === content);
          const own = {
            bytes: sum(chosen, (id) => countedOf(restore, id, content).bytes),
            storedBytes: sum(extents, ({ extent }) => extent.length),
          };
          const all = { bytes: totals.bytes, storedBytes: totals.storedBytes };
          const none = { bytes: 0, storedBytes: 0 };
          expect({ bytes, storedBytes }).toEqual(
            apart ? own : content === COORDINATOR ? all : none,
          );
        }
      }),
    );
  });

  test('lists the contents of the target in order, whatever their order in the request', () => {
    fc.assert(
      fc.property(greenplumCase, (restore) => {
        const { contents } = planOf(restore);
        expect(contents.map(({ content }) => content)).toEqual(targetsOf(restore));
      }),
    );
  });
});

describe('definitions in a coordinated restore', () => {
  test('are changed by the coordinator, with the roots of chosen partitions', () => {
    fc.assert(
      fc.property(greenplumCase, (restore) => {
        const { request, manifest } = restore;
        const chosen = [...chosenRelations(request, manifest).values()];
        const [pre] = ordersFor('pre-data', restore);
        if (pre?.phase !== 'pre-data') throw new Error('no order');
        expect(pre.relations).toEqual(chosen.map(nameOf));
        expect(pre.only === undefined).toBe(isWhole(request));
        const roots = chosen.flatMap(({ partitionRoot }) => partitionRoot ?? []);
        const needed = new Set([...chosen, ...roots].map(textOf));
        if (pre.only !== undefined) expect(pre.only.map(textOf).sort()).toEqual([...needed].sort());
        const [post] = ordersFor('post-data', restore);
        if (post?.phase !== 'post-data') throw new Error('no order');
        expect(post.only).toEqual(pre.only);
      }),
    );
  });

  test('come from the files of the coordinator that the request needs', () => {
    fc.assert(
      fc.property(greenplumCase, (restore) => {
        const { mode, globals } = restore.request;
        const has = (file: string) =>
          restore.parts.some(({ metadata }) => metadata.some((stored) => stored.file === file));
        const [pre] = ordersFor('pre-data', restore);
        const [post] = ordersFor('post-data', restore);
        expect(pre !== undefined && 'globals' in pre).toBe(globals && has('globals.sql.zst'));
        expect(pre !== undefined && 'schema' in pre).toBe(
          mode !== 'truncate' && has('schema.dump'),
        );
        expect(post !== undefined && 'schema' in post).toBe(
          mode !== 'truncate' && has('schema.dump'),
        );
        expect(post !== undefined && 'sequences' in post).toBe(has('sequences.sql.zst'));
      }),
    );
  });

  test('are followed by one ANALYZE per table, and of a partition’s root', () => {
    fc.assert(
      fc.property(greenplumCase, (restore) => {
        const chosen = [...chosenRelations(restore.request, restore.manifest).values()];
        const [analyze] = ordersFor('analyze', restore);
        if (analyze?.phase !== 'analyze') throw new Error('no order');
        const wanted = new Set(
          chosen.map((relation) => textOf(relation.partitionRoot ?? relation)),
        );
        expect(analyze.relations.map(textOf).sort()).toEqual([...wanted].sort());
      }),
    );
  });
});
