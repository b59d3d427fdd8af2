import { StowageError } from '../../backup-set/base/errors.ts';
import type { Manifest } from '../../backup-set/documents/manifest.ts';
import type { RestorePlan, RestoreRequest } from '../../backup-set/documents/restore/restore.ts';
import type { Segment } from '../../database/flavour.ts';
import type { ObjectStore } from '../../storage/store.ts';
import type { ClusterContext } from '../context.ts';
import { sameIdentity } from '../keys/identity-words.ts';
import { resumeCommand } from './unfinished.ts';

/** One restore with its plan: what its steps share. */
export interface RestoreRun {
  readonly context: ClusterContext;
  readonly store: ObjectStore;
  readonly request: RestoreRequest;
  /** Of the set, with the digest that the plan names. */
  readonly manifest: Manifest;
  /** Of the bytes that this command has read. */
  readonly manifestSha256: string;
  readonly plan: RestorePlan;
  /** The segments of the target. */
  readonly segments: readonly Segment[];
  /** Whether its shippers run in this process. */
  readonly isSmall: boolean;
}

/** @param what the functions did not write. */
export function functionTimedOut(
  { context, request: { id } }: Pick<RestoreRun, 'context' | 'request'>,
  what: string,
  waitMs: number,
  state = `The target may hold part of the set; \`${resumeCommand(id, sameIdentity(context))}\` continues it`,
): StowageError {
  return new StowageError(
    'restore/failed',
    `restore ${id}: no function wrote ${what} within ${Math.round(waitMs / 1000)} s; check that \`stowage serve\` or the deployed functions run for this root. ${state}`,
  );
}
