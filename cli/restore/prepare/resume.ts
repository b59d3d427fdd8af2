import { DOCUMENT_BYTES_MAX, decode, type RawDocument } from '../../../backup-set/base/document.ts';
import { StowageError } from '../../../backup-set/base/errors.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { RestoreId } from '../../../backup-set/base/timestamps.ts';
import { RestoreRequest } from '../../../backup-set/documents/restore/restore.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import type { ClusterContext } from '../../context.ts';
import { choicesOf } from '../command/choices.ts';
import type { RestoreOptions } from '../request.ts';

/** What a resume may choose; everything else is as in the first restore. */
export interface ResumeOptions
  extends Pick<RestoreOptions, 'count' | 'objects' | 'acceptCluster' | 'waitMs'> {
  /** Absent = as the first restore. */
  readonly verify: boolean | undefined;
  /** The restore to resume. */
  readonly resume: string;
  /** Accepts what the resume cannot restore either. */
  readonly allowMissing?: boolean;
}

interface Resolved {
  /** With the database of the restore. */
  readonly context: ClusterContext;
  readonly options: RestoreOptions;
  /** The request of the restore that is resumed, as it is stored. */
  readonly resumed?: RawDocument;
}

/**
 * The options of the restore that is resumed, from its request.
 * @throws StowageError `restore/refused` when this root has no such restore.
 */
export async function resolveOptions(
  context: ClusterContext,
  store: ObjectStore,
  given: RestoreOptions | ResumeOptions,
): Promise<Resolved> {
  if (!('resume' in given)) return { context, options: given };
  const resumed = await loadRequest(store, given.resume);
  const { id, target, resumes = id, ...first } = decode(RestoreRequest, resumed);
  const { timestamp, mode, contents, selection, globals, noOwner, resize, into } = first;
  const { map, references } = first;
  return {
    resumed,
    context: { ...context, config: { ...context.config, database: target.database } },
    options: {
      set: { kind: 'timestamp', timestamp },
      mode,
      ...(contents !== undefined && { contents }),
      ...(map !== undefined && { map }),
      ...(references !== undefined && { references }),
      selection,
      globals,
      noOwner,
      resize,
      verify: given.verify ?? first.verify,
      count: first.count && given.count,
      objects: first.objects === true && given.objects,
      choices: {
        ...choicesOf(first),
        ...(given.allowMissing === true && { allowMissing: true }),
      },
      acceptCluster: given.acceptCluster === true,
      waitMs: given.waitMs,
      resumes,
      ...(into !== undefined && { into }),
      dropUnfinished: false,
    },
  };
}

async function loadRequest(store: ObjectStore, restore: string): Promise<RawDocument> {
  if (!RestoreId.safeParse(restore).success)
    throw new StowageError(
      'usage/flag',
      `${JSON.stringify(restore)} is not the id of a restore: --resume takes the id that the restore has printed, 17 digits, - and 8 hexadecimal digits`,
      { where: { field: 'resume' } },
    );
  const key = formatKey({ kind: 'restore-request', restore });
  if ((await store.head(key)) === undefined)
    throw new StowageError(
      'restore/refused',
      `there is no restore ${restore} under ${store.url}: --resume needs the root of the first restore`,
      { where: { object: key } },
    );
  return { key, bytes: await store.read(key, { bytesMax: DOCUMENT_BYTES_MAX }) };
}
