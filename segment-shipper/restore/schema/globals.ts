import type { ObjectRef } from '../../../backup-set/documents/receipt.ts';
import type { OrderOf } from '../../../backup-set/documents/restore/restore.ts';
import { runGlobals } from '../../../database/globals/run-globals.ts';
import { globalStatements } from '../../../database/globals/statements.ts';
import type { Session } from '../../../database/session/session.ts';
import type { ShipperDeps } from '../../deps.ts';
import { readText } from '../../read/read-text.ts';

/** The globals of an order, checked. */
export interface Globals {
  /** Runs them once; a second call has no effect. */
  restore(session: Session): Promise<void>;
  /** The roles that existed before. */
  rolesKept(): readonly string[];
}

/** Reads all statements once, so that a refusal changes nothing. */
export async function readGlobals(
  stored: ObjectRef | undefined,
  { globalsMode }: Pick<OrderOf<'pre-data'>, 'globalsMode'>,
  deps: ShipperDeps,
): Promise<Globals | undefined> {
  if (stored === undefined) return undefined;
  const text = await readText(deps.store, stored, deps);
  const statements = () => globalStatements(text, stored.key);
  for (const _ of statements());
  let kept: readonly string[] | undefined;
  return {
    async restore(session) {
      kept ??= await runGlobals(session, statements(), { alter: globalsMode === 'alter' });
    },
    rolesKept: () => kept ?? [],
  };
}
