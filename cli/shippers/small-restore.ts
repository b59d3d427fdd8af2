import { parseKey, restorePrefix } from '../../backup-set/base/keys.ts';
import type { Manifest } from '../../backup-set/documents/manifest.ts';
import type { RestoreRequest } from '../../backup-set/documents/restore/restore.ts';
import { formatOf } from '../../backup-set/flavours/formats.ts';
import { restoredContents } from '../../backup-set/restore/phases.ts';
import { chosenRelations, isWhole } from '../../backup-set/restore/plan.ts';
import type { Segment } from '../../database/flavour.ts';
import type { ObjectStore } from '../../storage/store.ts';
import { keptDocuments } from '../../storage/wrapped/kept-documents.ts';
import { functionsOf, shipperCommand } from '../config/config.ts';
import type { ClusterContext } from '../context.ts';

/** More rows are worth a process per content, which loads them on a core of its own. */
const BYTES_MAX = 16 * 1024 * 1024;
/** Contents share one event loop, and have `shippers.workers` connections each. */
const CONTENTS_MAX = 8;

/**
 * Whether this process alone carries out a restore: it runs the functions, the shippers would run
 * on this machine, and there are few rows of chosen tables. Then it starts no other process, and
 * keeps the documents that coordinator and shippers exchange in memory.
 */
export function isSmallRestore(
  { config }: ClusterContext,
  segments: readonly Segment[],
  request: RestoreRequest,
  manifest: Manifest,
): boolean {
  const { shippers } = config;
  if (functionsOf(config) !== 'inline' || shippers.start === 'agents') return false;
  // A rate limit is shared by the shippers of a host, and sent to their processes.
  if (isWhole(request) || shippers.maxRateBytes !== undefined) return false;
  if (formatOf(request.target.flavour).hasOneCatalog) return false;
  if (restoredContents(request, manifest.contents).length > CONTENTS_MAX) return false;
  if (segments.some((segment) => shipperCommand(config, segment) !== undefined)) return false;
  let bytes = 0;
  for (const { totals } of chosenRelations(request, manifest).values()) bytes += totals.bytes;
  return bytes <= BYTES_MAX;
}

/** The documents that others read after this process; the rest passes from hand to hand in it. */
const STORED: ReadonlySet<string> = new Set(['restore-request', 'restore-plan', 'outcome']);

/** The store of a small restore: its documents are read from memory. */
export function ownDocuments(store: ObjectStore, { id }: RestoreRequest): ObjectStore {
  return keptDocuments(store, {
    prefix: restorePrefix(id),
    isStored: (key) => STORED.has(parseKey(key)?.kind ?? ''),
  });
}
