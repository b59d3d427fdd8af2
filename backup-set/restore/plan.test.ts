import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encode } from '../base/document.ts';
import { EVERYTHING } from '../base/selection.ts';
import type { Manifest } from '../documents/manifest.ts';
import { RestorePlan, type RestoreRequest } from '../documents/restore/restore.ts';
import { greenplumCase } from '../testing/greenplum.ts';
import { quoted } from '../testing/names.ts';
import {
  MANIFEST_SHA256,
  manifest,
  ordersFor,
  planOf,
  requestFor,
  restoreCase,
  wholeManifest,
} from '../testing/restores.ts';
import { chosenRelations, resolveRequest } from './plan.ts';

function refusals(request: RestoreRequest, made: Manifest) {
  const planned = resolveRequest(request, made, MANIFEST_SHA256, []);
  if (planned.ok) throw new Error('it was planned');
  for (const { code } of planned.failure) expect(code).toBe('request-impossible');
  return planned.failure;
}

describe('a restore plan', () => {
  test('has the same bytes for the same request', () => {
    fc.assert(
      fc.property(restoreCase, (restore) => {
        expect(encode(RestorePlan, planOf(restore))).toEqual(encode(RestorePlan, planOf(restore)));
      }),
    );
  });

  test('starts with verify if the request asks for it', () => {
    fc.assert(
      fc.property(restoreCase, (restore) => {
        const rest = ['pre-data', 'data', 'post-data', 'analyze'];
        expect(planOf(restore).phases).toEqual(restore.request.verify ? ['verify', ...rest] : rest);
      }),
    );
  });

  test('of the whole set has the volume of the manifest', () => {
    fc.assert(
      fc.property(wholeManifest, (made) => {
        const { totals } = planOf({ ...made, request: requestFor(made.manifest) });
        const { contents, relations, rows, bytes } = made.manifest.totals;
        expect(totals).toMatchObject({ contents, relations, rows, bytes });
      }),
    );
  });

  test('has the volume of exactly the chosen relations', () => {
    fc.assert(
      fc.property(restoreCase, (restore) => {
        const chosen = chosenRelations(restore.request, restore.manifest);
        const plan = planOf(restore);
        plan.contents.forEach(({ rows, relations }, at) => {
          const wanted = restore.parts[at]?.relations.filter(({ relation }) =>
            chosen.has(relation),
          );
          expect(relations).toBe(wanted?.length);
          expect(rows).toBe(wanted?.reduce((sum, counted) => sum + counted.rows, 0));
        });
        expect(plan.totals.rows).toBe(plan.contents.reduce((sum, { rows }) => sum + rows, 0));
      }),
    );
  });
});

/** A set, and a request for some of its contents. */
const someContents = wholeManifest.chain((made) =>
  fc
    .subarray(
      made.manifest.contents.map(({ content }) => content),
      { minLength: 1 },
    )
    .map((contents) => {
      const { target, ...request } = requestFor(made.manifest, { contents });
      const targets = target.contents.filter(({ content }) => contents.includes(content));
      const narrowed = { ...target, contents: targets };
      return { ...made, request: { ...request, target: narrowed, contents } };
    }),
);

describe('a request for some contents of a set', () => {
  test('is planned for these contents only, and gives orders to no others', () => {
    fc.assert(
      fc.property(someContents, (restore) => {
        const wanted = restore.request.contents.toSorted((a, b) => a - b);
        const plan = planOf(restore);
        expect(plan.contents.map(({ content }) => content)).toEqual(wanted);
        const rows = restore.manifest.contents
          .filter(({ content }) => wanted.includes(content))
          .reduce((sum, { totals }) => sum + totals.rows, 0);
        expect(plan.totals).toMatchObject({ contents: wanted.length, rows });
        for (const phase of plan.phases)
          expect(
            ordersFor(phase, restore)
              .map(({ content }) => content)
              .toSorted((a, b) => a - b),
          ).toEqual(wanted);
      }),
    );
  });

  test('is rejected when the set lacks one of them, and the problem names it', () => {
    fc.assert(
      fc.property(someContents, ({ manifest: made, request }) => {
        expect(refusals({ ...request, contents: [...request.contents, 77] }, made)).toEqual([
          {
            code: 'request-impossible',
            content: 77,
            message: expect.stringContaining('has no content 77: it has') as string,
          },
        ]);
      }),
    );
  });

  test('is rejected for a Greenplum, and the problem says what recovers a lost segment', () => {
    fc.assert(
      fc.property(greenplumCase, ({ manifest: made, request }) => {
        const [problem] = refusals({ ...request, contents: [0] }, made);
        expect(problem?.message).toContain('recovered from its mirror: gprecoverseg -F');
      }),
    );
  });
});

describe('a selection in a restore', () => {
  test('with a quoted name selects only that relation, or the partitions of that root', () => {
    fc.assert(
      fc.property(manifest, fc.nat(), (made, at) => {
        const wanted = made.relations[at % made.relations.length];
        if (wanted === undefined) throw new Error('no relation');
        const { schema, name } = wanted.partitionRoot ?? wanted;
        const selection = { ...EVERYTHING, includeTables: [quoted(schema, name)] };
        const chosen = chosenRelations({ selection }, made);
        const answers = made.relations.filter((relation) =>
          [relation, relation.partitionRoot].some(
            (each) => each?.schema === schema && each.name === name,
          ),
        );
        expect([...chosen.keys()]).toEqual(answers.map(({ id }) => id));
        expect(chosen.has(wanted.id)).toBe(true);
      }),
    );
  });
});

describe('a request is rejected', () => {
  test('if the manifest is of another set', () => {
    fc.assert(
      fc.property(manifest, (made) => {
        refusals(requestFor(made, { timestamp: '20260131120001' }), made);
      }),
    );
  });

  test('if the target has another flavour or other contents, or one of them twice', () => {
    fc.assert(
      fc.property(manifest, (made) => {
        const request = requestFor(made);
        const { target } = request;
        const asking = (change: Partial<typeof target>) => ({
          ...request,
          target: { ...target, ...change },
        });
        refusals(asking({ flavour: 'greenplum' }), made);
        const [first, ...others] = target.contents;
        expect(refusals(asking({ contents: others }), made)).toContainEqual(
          expect.objectContaining({ content: first?.content }),
        );
        const more = [...target.contents, { content: 99, host: 'h', port: 1 }];
        expect(refusals(asking({ contents: more }), made)).toEqual([
          expect.objectContaining({ content: 99 }),
        ]);
        refusals(asking({ contents: [...target.contents, ...target.contents] }), made);
      }),
    );
  });

  test('if the flavour of the set is unknown, also when the target has the same', () => {
    fc.assert(
      fc.property(manifest, (made) => {
        const { target } = requestFor(made, {});
        const foreign = { ...made, flavour: 'citus' };
        const request = requestFor(made, { target: { ...target, flavour: 'citus' } });
        expect(refusals(request, foreign)).toEqual([
          expect.objectContaining({
            message: expect.stringContaining('flavour "citus" is unknown') as string,
          }),
        ]);
      }),
    );
  });

  test('if an include pattern matches nothing, and the problem names the pattern', () => {
    fc.assert(
      fc.property(manifest, (made) => {
        const includeTables = ['"no such schema"."no such table"'];
        const [problem] = refusals(
          requestFor(made, { selection: { ...EVERYTHING, includeTables } }),
          made,
        );
        expect(problem?.message).toContain('no such table');
      }),
    );
  });

  test('if a pattern is malformed, also an exclude pattern, which would exclude nothing', () => {
    fc.assert(
      fc.property(manifest, fc.constantFrom('secrets', 'a.b.c', '"s.t', ''), (made, pattern) => {
        const selection = { ...EVERYTHING, excludeTables: [pattern] };
        expect(refusals(requestFor(made, { selection }), made)).toEqual([
          expect.objectContaining({
            message: `${JSON.stringify(pattern)} is malformed: write schema.table or schema`,
          }),
        ]);
      }),
    );
  });

  test('if the selection excludes all relations', () => {
    fc.assert(
      fc.property(manifest, (made) => {
        refusals(requestFor(made, { selection: { ...EVERYTHING, excludeSchemas: ['*'] } }), made);
      }),
    );
  });
});
