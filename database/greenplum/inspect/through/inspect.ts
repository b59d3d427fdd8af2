import type { InspectOptions, Segment } from '../../../flavour.ts';
import { attempt, type PlacedCheck, placed, type ServerCheck } from '../../../inspect/check.ts';
import { checkConnections } from '../../../inspect/connections.ts';
import { checkDefinitions } from '../../../inspect/definitions.ts';
import { checkEncryption } from '../../../inspect/encryption.ts';
import { refusalOf } from '../../../inspect/entry.ts';
import { checkRights } from '../../../inspect/rights.ts';
import { checkClock, checkLockTable, checkOtherSessions } from '../../../inspect/server.ts';
import { openSession, type Session } from '../../../session/session.ts';
import { mayReadRoles } from '../../through/globals.ts';
import type { GreenplumVersion } from '../../topology.ts';
import { traitsOf } from '../../versions.ts';
import { judgeProduct, readProduct } from '../product.ts';
import { inspectPrograms } from '../programs.ts';
import { rightsQuery } from '../rights.ts';

/** Holder, canary, importer or monitor, lock watch, pg_dump, and the values of sequences. */
const CONNECTIONS = 6;

/**
 * Checks whether a backup through the coordinator can work. It asks no other instance, and opens no
 * utility session. @throws never: what cannot be checked is a check that failed.
 */
export async function inspectThrough(
  coordinator: Segment,
  { connect, signal, workers, clock }: InspectOptions,
): Promise<PlacedCheck[]> {
  const of = 'content -1';
  const target = connect({ ...coordinator, ordinaryOnly: true });
  try {
    const session = await openSession(target, {
      purpose: 'probe',
      applicationName: 'stowage doctor',
      signal,
    });
    try {
      const product = await readProduct(session);
      const { check, version } = judgeProduct(product);
      if (version === undefined) return placed('cluster', [check]);
      return [
        ...placed('cluster', [check]),
        ...placed('programs', await inspectPrograms(target, product.release, { signal })),
        ...placed(of, [
          { name: 'session', ok: true, detail: `${target.host} accepts ${target.user} from here` },
          ...(await checksOf(session, version, { connections: CONNECTIONS + workers, clock })),
        ]),
      ];
    } finally {
      await session.close();
    }
  } catch (error) {
    return [{ of, name: 'session', ok: false, detail: await refusalOf(error, target) }];
  }
}

async function checksOf(
  session: Session,
  version: GreenplumVersion,
  { connections, clock }: { readonly connections: number; readonly clock: () => Date },
): Promise<ServerCheck[]> {
  const { isClient } = traitsOf(version);
  // ACCESS SHARE needs the right to read. Roles have a check of their own.
  const reads = { ...rightsQuery(version, true), needsNoLock: 'true', readsRoles: false };
  return [
    checkEncryption(session),
    await attempt('rights', () => checkRights(session, reads)),
    await attempt('temporary tables', () => checkTemporary(session)),
    await attempt('shared snapshot', () => checkExport(session, version)),
    await attempt('globals', () => checkGlobals(session)),
    await attempt('definitions', () => checkDefinitions(session)),
    await attempt('lock table', () => checkLockTable(session)),
    await attempt('connections', () =>
      checkConnections(session, { needed: connections, isClient }),
    ),
    await attempt('other stowage sessions', () => checkOtherSessions(session)),
    await attempt('clock', () => checkClock(session, clock)),
  ];
}

async function checkTemporary(session: Session): Promise<ServerCheck> {
  const [row] = await session.query<{ may: boolean }>(
    "SELECT has_database_privilege(current_database(), 'TEMPORARY') AS may",
  );
  const ok = row?.may === true;
  const detail = ok
    ? 'the role may create them: the backup proves its snapshot with one'
    : 'the role may not create them, and the backup proves its snapshot with one: GRANT TEMPORARY ON DATABASE';
  return { name: 'temporary tables', ok, detail };
}

async function checkExport(session: Session, version: GreenplumVersion): Promise<ServerCheck> {
  await session.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  try {
    await session.query('SELECT pg_catalog.pg_export_snapshot()');
  } finally {
    await session.query('ROLLBACK');
  }
  const detail = `Greenplum ${version.text} exports the coordinator's snapshot; the backup tests that importers see no newer row`;
  return { name: 'shared snapshot', ok: true, detail };
}

/** Never a failure: the set says what it lacks. */
async function checkGlobals(session: Session): Promise<ServerCheck> {
  const name = 'globals';
  if (await mayReadRoles(session)) return { name, ok: true, detail: 'roles are in the set' };
  const detail =
    'the role may not read roles (SELECT on pg_catalog.pg_authid): the set has no globals, and says so';
  return { name, ok: true, remark: true, detail };
}
