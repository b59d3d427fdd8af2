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
  await session.query(`SET lock_timeout = ${LOCK_MS_MAX}`);
  // A wrong estimate of the wanted names must not give a loop over a whole catalog.
  await session.query('SET enable_nestloop = off');
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
