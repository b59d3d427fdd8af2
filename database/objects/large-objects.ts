import type { Session } from '../session/session.ts';

const OIDS_PER_STATEMENT = 10_000;

/** Looks for large objects by their oids. `first` has the first few that are missing. */
export async function missingLargeObjects(
  session: Session,
  oids: AsyncIterable<string>,
  firstMax: number,
): Promise<{ compared: number; missing: number; first: readonly string[] }> {
  const first: string[] = [];
  let [compared, missing] = [0, 0];
  let batch: string[] = [];
  const lookUp = async () => {
    const absent = await session.query<{ oid: string }>(
      `SELECT w.oid::text FROM (SELECT unnest($1::oid[]) AS oid) AS w
       WHERE NOT EXISTS (SELECT 1 FROM pg_largeobject_metadata m WHERE m.oid = w.oid) ORDER BY w.oid`,
      [batch],
    );
    compared += batch.length;
    missing += absent.length;
    first.push(...absent.slice(0, firstMax - first.length).map(({ oid }) => oid));
    batch = [];
  };
  for await (const oid of oids) {
    batch.push(oid);
    if (batch.length >= OIDS_PER_STATEMENT) await lookUp();
  }
  if (batch.length > 0) await lookUp();
  return { compared, missing, first };
}
