import type { Session } from '../session/session.ts';
import { CLASSES, type ObjectClass } from './classes.ts';
import type { ExpectedObject } from './expected.ts';

/** Objects of one class that one statement looks for. */
const BATCH_MAX = 5_000;
/** A catalog that another session keeps locked for longer (VACUUM FULL) is a failure. */
const LOCK_MS_MAX = 60_000;

interface Found {
  readonly schema: string;
  readonly name: string;
  readonly exists: number;
  readonly comment: number;
  readonly acl: number;
}

/**
 * Looks for objects in a catalog, by a few statements per class. Yields those that are missing.
 * @throws StowageError when the server rejects a statement or the connection breaks.
 */
export async function* missingObjects(
  session: Session,
  objects: Iterable<ExpectedObject>,
): AsyncGenerator<ExpectedObject> {
  await prepareToLook(session);
  const waiting = new Map<ObjectClass, ExpectedObject[]>();
  for (const object of objects) {
    const batch = waiting.get(object.class) ?? [];
    batch.push(object);
    waiting.set(object.class, batch);
    // Objects with the same name are counted together.
    if (batch.length < BATCH_MAX || object.isCounted) continue;
    yield* missingOf(session, object.class, batch);
    waiting.delete(object.class);
  }
  for (const [ofClass, batch] of waiting) yield* missingOf(session, ofClass, batch);
}

/** How the target has an object. */
export interface Presence {
  /** It existed before the schema that marks an unfinished restore. */
  readonly isOlder: boolean;
}

/**
 * Looks for objects in a catalog. Returns those that exist, by their place in `objects`.
 * @param mark the schema that marks an unfinished restore.
 */
export async function presentObjects(
  session: Session,
  objects: readonly ExpectedObject[],
  mark: string,
): Promise<ReadonlyMap<number, Presence>> {
  await prepareToLook(session);
  const present = new Map<number, Presence>();
  for (const [ofClass, wanted] of Map.groupBy(objects.entries(), ([, each]) => each.class)) {
    const named = Map.groupBy(wanted, ([, object]) => keyOf(object));
    for (const batch of batchesOf([...named.values()])) {
      const rows = await lookFor(session, ofClass, batch, mark);
      for (const { at, found, older } of rows) {
        const same = batch[at] ?? [];
        // Objects with one name are told apart by their number only.
        const needed = same.some(([, { isCounted }]) => isCounted) ? same.length : 1;
        if (found < needed) continue;
        for (const [index] of same) present.set(index, { isOlder: older >= needed });
      }
    }
  }
  return present;
}

type Numbered = readonly [number, ExpectedObject];

function* batchesOf(names: readonly Numbered[][]): Generator<readonly Numbered[][]> {
  for (let at = 0; at < names.length; at += BATCH_MAX) yield names.slice(at, at + BATCH_MAX);
}

async function lookFor(
  session: Session,
  ofClass: ObjectClass,
  names: readonly Numbered[][],
  mark: string,
): Promise<{ at: number; found: number; older: number }[]> {
  const objects = names.flatMap(([first]) => (first === undefined ? [] : [first[1]]));
  return session.query(
    `SELECT w.at, count(*)::int AS found, sum((f.oid < coalesce(
       (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = $4), 0))::int)::int AS older
     FROM (SELECT oid, replace(schema, '"', '') AS schema, replace(name, '"', '') AS name
           FROM (${CLASSES[ofClass]}) AS objects) AS f
     JOIN (SELECT unnest($1::int[]) AS at, unnest($2::text[]) AS schema, unnest($3::text[]) AS name) AS w
       USING (schema, name)
     GROUP BY 1`,
    [
      objects.map((_, at) => at),
      objects.map(({ schema }) => schema),
      objects.map(({ name }) => name),
      mark,
    ],
  );
}

async function prepareToLook(session: Session): Promise<void> {
  await session.query(`SET lock_timeout = ${LOCK_MS_MAX}`);
  // A wrong estimate of the wanted names must not give a loop over a whole catalog.
  await session.query('SET enable_nestloop = off');
}

async function* missingOf(
  session: Session,
  ofClass: ObjectClass,
  wanted: readonly ExpectedObject[],
): AsyncGenerator<ExpectedObject> {
  const names = [...new Map(wanted.map((object) => [keyOf(object), object])).values()];
  const rows = await session.query<Found>(
    `SELECT f.schema, f.name, count(*)::int AS exists, sum(f.comment::int)::int AS comment, sum(f.acl::int)::int AS acl
     FROM (SELECT replace(schema, '"', '') AS schema, replace(name, '"', '') AS name, acl, comment
           FROM (${CLASSES[ofClass]}) AS objects) AS f
     JOIN (SELECT unnest($1::text[]) AS schema, unnest($2::text[]) AS name) AS w USING (schema, name)
     GROUP BY 1, 2`,
    [names.map(({ schema }) => schema), names.map(({ name }) => name)],
  );
  const found = new Map(rows.map((row) => [keyOf(row), row]));
  const seen = new Map<string, number>();
  for (const object of wanted) {
    const { aspect, isCounted } = object;
    const key = keyOf(object);
    const before = isCounted ? (seen.get(key + aspect) ?? 0) : 0;
    if (isCounted) seen.set(key + aspect, before + 1);
    if ((found.get(key)?.[aspect] ?? 0) <= before) yield object;
  }
}

const keyOf = ({ schema, name }: Pick<Found, 'schema' | 'name'>) => `${schema}\0${name}`;
