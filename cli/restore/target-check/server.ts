import { messageOf, StowageError } from '../../../backup-set/base/errors.ts';
import type { Segment } from '../../../database/flavour.ts';
import { type ServerHas, serverHas } from '../../../database/needs/server.ts';
import { openMaintenanceSession } from '../../../database/session/maintenance.ts';
import { openSession } from '../../../database/session/session.ts';
import { targetOf } from '../../config/config.ts';
import { type SetNeeds, setNeeds } from './set-needs.ts';
import { lookAtTables, type TablesFound } from './tables.ts';
import type { TargetCheck } from './target-check.ts';

/** What one segment of the target says to a restore. */
export interface LookedAt {
  readonly segment: Segment;
  readonly database: string;
  readonly tables: TablesFound;
  readonly has: ServerHas;
  /** Or why the set's needs cannot be read; the functions refuse such a set by themselves. */
  readonly needs: SetNeeds | string;
}

/** Looks at one segment. Changes nothing. @throws as `lookAtTables`. */
export async function lookAt(check: TargetCheck, segment: Segment): Promise<LookedAt> {
  const { context } = check;
  const tables = await lookAtTables(check, segment);
  const needs = await setNeeds(check, segment.content).catch((error: unknown) => {
    context.signal.throwIfAborted();
    if (!(error instanceof StowageError)) throw error;
    return messageOf(error);
  });
  const target = targetOf(context.config, segment, context.env);
  const options = {
    purpose: 'probe',
    applicationName: 'stowage restore',
    signal: context.signal,
  } as const;
  const isThere = tables.exists && check.dropped?.includes(segment.content) !== true;
  const session = await (isThere ? openSession : openMaintenanceSession)(target, options);
  try {
    const has = await serverHas(session, namesOf(needs));
    return { segment, database: target.database, tables, has, needs };
  } finally {
    await session.close();
  }
}

function namesOf(needs: SetNeeds | string) {
  if (typeof needs === 'string') return NOTHING;
  const { owners, grantees, members, extensions, tablespaces, languages, accessMethods } = needs;
  return {
    roles: [...new Set([...owners, ...grantees, ...members])],
    extensions: [...extensions],
    tablespaces: [...tablespaces],
    languages: [...languages],
    accessMethods: [...accessMethods],
  };
}

const NOTHING = { roles: [], extensions: [], tablespaces: [], languages: [], accessMethods: [] };
