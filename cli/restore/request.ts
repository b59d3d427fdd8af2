import { randomBytes } from 'node:crypto';
import {
  DOCUMENT_BYTES_MAX,
  decode,
  encode,
  FORMAT_VERSION,
  sha256,
} from '../../backup-set/base/document.ts';
import { isStowageError, StowageError } from '../../backup-set/base/errors.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import type { Selection } from '../../backup-set/base/selection.ts';
import { instantOf } from '../../backup-set/base/timestamps.ts';
import { describeProblem } from '../../backup-set/base/verdict.ts';
import { Manifest } from '../../backup-set/documents/manifest.ts';
import type { RestoreChoices } from '../../backup-set/documents/restore/choices.ts';
import type { Reference } from '../../backup-set/documents/restore/map.ts';
import type { RequestedNames } from '../../backup-set/documents/restore/names.ts';
import { RestoreRequest } from '../../backup-set/documents/restore/restore.ts';
import { formatOf } from '../../backup-set/flavours/formats.ts';
import type { Segment } from '../../database/flavour.ts';
import { newestVerdict } from '../../functions/stored/load.ts';
import type { ObjectStore } from '../../storage/store.ts';
import type { ClusterContext, Context } from '../context.ts';
import type { SetName } from '../set-name.ts';
import { functionDeps } from '../wait-for-functions.ts';
import type { AskedRule } from './mapped/flags.ts';

export interface RestoreOptions {
  readonly set: SetName;
  readonly mode: RestoreRequest['mode'];
  /** Only these contents; absent = all. */
  readonly contents?: readonly number[];
  /** Which contents go into which server; absent = each into the one of its number. */
  readonly map?: readonly AskedRule[];
  /** Patterns of the tables of which one copy is loaded. */
  readonly reference?: readonly string[];
  /** Of the first restore, when this one resumes it. */
  readonly references?: readonly Reference[];
  readonly selection: Selection;
  /** Undefined = unless the restore creates the databases. */
  readonly verify: boolean | undefined;
  readonly globals: boolean;
  readonly noOwner: boolean;
  readonly resize: boolean;
  readonly count: boolean;
  readonly objects: boolean;
  /** The choices of the request that are absent when the user did not make them. */
  readonly choices?: Choices;
  readonly waitMs: number;
  /** Restore also when contents of the target are swapped against the set. */
  readonly acceptCluster?: boolean;
  /** The first restore, when this one resumes it. */
  readonly resumes?: string;
  /** The id of the restore; absent = a new one. */
  readonly id?: string;
  /** Of the manifest that the set must have; absent = any. */
  readonly manifestSha256?: string;
  /** Other names for the chosen schema or table. */
  readonly into?: RequestedNames;
  /** Drop databases that an unfinished restore has created. */
  readonly dropUnfinished: boolean;
}

export type Choices = Pick<RestoreRequest, keyof typeof RestoreChoices>;

/** The manifest of a complete set. @throws as `readManifest`. */
export async function loadManifest(
  context: Context,
  store: ObjectStore,
  timestamp: string,
): Promise<Manifest> {
  return (await readManifest(context, store, timestamp)).manifest;
}

/** A manifest, and the digest of the bytes that it was decoded from. */
export interface ReadManifest {
  readonly manifest: Manifest;
  readonly manifestSha256: string;
}

/** @throws StowageError `set/not-found`, `set/incomplete`. */
export async function readManifest(
  context: Context,
  store: ObjectStore,
  timestamp: string,
): Promise<ReadManifest> {
  const key = formatKey({ kind: 'manifest', timestamp });
  const bytes = await store.read(key, { bytesMax: DOCUMENT_BYTES_MAX }).catch((error: unknown) => {
    if (!isStowageError(error, 'storage/not-found')) throw error;
  });
  if (bytes !== undefined)
    return { manifest: decode(Manifest, { key, bytes }), manifestSha256: sha256(bytes) };
  const where = { set: timestamp };
  if ((await store.head(formatKey({ kind: 'plan', timestamp }))) === undefined) {
    throw new StowageError('set/not-found', `there is no set ${timestamp} under ${store.url}`, {
      where,
    });
  }
  const verdict = await newestVerdict(functionDeps(context, store), timestamp, 'stitch');
  const [problem] = verdict?.problems ?? [];
  const why = problem === undefined ? '' : `. First problem: ${describeProblem(problem)}`;
  throw new StowageError(
    'set/incomplete',
    `set ${timestamp} is incomplete (it has no manifest) and cannot be restored${why}`,
    { where },
  );
}

/**
 * A request of the console names the manifest that its page has shown. The check of the request has
 * read it before: these are the bytes that the restore uses.
 * @throws StowageError `request/refused`.
 */
export function requireAskedManifest(
  { id, manifestSha256: asked }: Pick<RestoreOptions, 'id' | 'manifestSha256'>,
  { manifest: { timestamp }, manifestSha256 }: ReadManifest,
): void {
  if (asked === undefined || asked === manifestSha256) return;
  throw new StowageError(
    'request/refused',
    `request ${id}: the manifest of set ${timestamp} has changed since`,
    { where: { set: timestamp } },
  );
}

export function newRequest(
  { config, clock }: ClusterContext,
  segments: readonly Segment[],
  timestamp: string,
  options: RestoreOptions,
): RestoreRequest {
  const now = clock();
  // A new database has nothing to lose, and each frame is checked before its rows are loaded. With
  // agents the phase also shows that every agent is there.
  const agents = config.shippers.start === 'agents';
  const { mode, selection, globals, noOwner, resize, count, objects } = options;
  const { choices, resumes, into } = options;
  const targets = segments.map(({ content, host, port }) => ({ content, host, port }));
  return {
    format: 'stowage/restore-request',
    version: FORMAT_VERSION,
    id: options.id ?? `${instantOf(now)}-${randomBytes(4).toString('hex')}`,
    requestedAt: now.toISOString(),
    timestamp,
    target: { flavour: config.flavour, database: config.database, contents: targets },
    ...(options.contents !== undefined && { contents: [...options.contents] }),
    selection,
    mode,
    verify: options.verify ?? (mode !== 'create' || agents),
    globals,
    noOwner,
    resize,
    ...(formatOf(config.flavour).hasOneCatalog && {
      smallTableBytes: config.restore.smallTableBytes,
    }),
    agents,
    count,
    objects,
    ...choices,
    ...(resumes !== undefined && { resumes }),
    ...(into !== undefined && { into }),
  };
}

export async function storeRequest(
  store: ObjectStore,
  request: RestoreRequest,
  signal: AbortSignal,
): Promise<string> {
  const key = formatKey({ kind: 'restore-request', restore: request.id });
  await store.create(key, encode(RestoreRequest, request), { signal });
  return key;
}
