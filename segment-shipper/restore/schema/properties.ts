import type { Problem } from '../../../backup-set/base/verdict.ts';
import type { ObjectRef } from '../../../backup-set/documents/receipt.ts';
import type { OrderOf } from '../../../backup-set/documents/restore/restore.ts';
import { type GlobalStatement, globalStatements } from '../../../database/globals/statements.ts';
import { readToc } from '../../../database/objects/toc.ts';
import { applyProperties, type LackingProperty } from '../../../database/properties/apply.ts';
import {
  type DatabaseProperties,
  databaseProperties,
  databaseTablespace,
} from '../../../database/properties/read.ts';
import { propertyStatements } from '../../../database/properties/statements.ts';
import type { ShipperDeps } from '../../deps.ts';
import type { RestoreJob } from '../../protocol/control.ts';
import { fileBytes } from '../../read/opens.ts';
import { readText } from '../../read/read-text.ts';
import { inSession } from '../in-session.ts';

/** Connections of a restore beside those of its workers: locks, watches, comparisons. */
const OWN_CONNECTIONS = 8;

/** The tablespace in which a new database is created; undefined = the server's default. */
export function wantedTablespace(
  { schema }: OrderOf<'pre-data'>,
  deps: ShipperDeps,
): Promise<string | undefined> {
  if (schema === undefined) return Promise.resolve(undefined);
  return databaseTablespace(readToc(fileBytes(deps.store, schema.key, deps), schema.key));
}

/**
 * Gives a database that this restore has created the properties of the set. It is the last step of
 * post-data: a setting or a connection limit could disturb the steps before it.
 * @returns what the database lacks.
 */
export async function restoreProperties(
  order: OrderOf<'post-data'>,
  job: RestoreJob,
  deps: ShipperDeps,
): Promise<Problem[]> {
  const { properties: archived, schema = archived, mode, noOwner, noAcl = false, content } = order;
  if (mode !== 'create' || schema === undefined) return [];
  const { database } = job.target;
  const archive = readToc(fileBytes(deps.store, schema.key, deps), schema.key);
  const properties = await withRoleSettings(
    await databaseProperties(archive, database),
    order,
    job,
    deps,
  );
  let lacking: LackingProperty[] = [];
  await inSession(order, job, deps, async (session) => {
    const connections = job.workers + OWN_CONNECTIONS;
    lacking = await applyProperties(session, properties, { noOwner, noAcl, connections });
  });
  return lacking.map(({ what, reason }) => ({
    code: 'object-not-made',
    content,
    schemaObject: { kind: 'DATABASE PROPERTIES', schema: '', name: what },
    message: `database ${database} lacks a property of the set, ${what}: ${reason}`,
  }));
}

/** Greenplum's pg_dump does not write the settings of roles in a database; its pg_dumpall does. */
async function withRoleSettings(
  properties: DatabaseProperties,
  { globals }: OrderOf<'post-data'>,
  { target }: RestoreJob,
  deps: ShipperDeps,
): Promise<DatabaseProperties> {
  const { name } = properties;
  if (target.greenplum === undefined || globals === undefined || name === undefined)
    return properties;
  const settings = await roleSettings(globals, name, deps);
  const statements = settings.flatMap((text) => propertyStatements(`${text};`, target.database));
  return { ...properties, statements: [...properties.statements, ...statements] };
}

async function roleSettings(
  globals: ObjectRef,
  database: string,
  deps: ShipperDeps,
): Promise<string[]> {
  const text = await readText(deps.store, globals, deps);
  const isOf = ({ effect, named }: GlobalStatement) =>
    effect.kind === 'in-database' && named(effect.database) === database;
  return [...globalStatements(text, globals.key)]
    .filter(isOf)
    .map(({ bytes }) => bytes.toString('utf8'));
}
