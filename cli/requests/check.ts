import { decode, sha256 } from '../../backup-set/base/document.ts';
import { StowageError } from '../../backup-set/base/errors.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import { Manifest } from '../../backup-set/documents/manifest.ts';
import type { AskedRestore } from '../../backup-set/documents/restore/asked.ts';
import { isProven } from '../../functions/requests/proof.ts';
import {
  describeRequest,
  type RequestSummary,
  unprovenRun,
} from '../../functions/requests/requests.ts';
import { targetProblem } from '../../functions/requests/targets.ts';
import { readDocument } from '../../functions/stored/load.ts';
import type { ObjectStore } from '../../storage/store.ts';
import type { ClusterContext } from '../context.ts';
import { functionDeps } from '../wait-for-functions.ts';
import { requestTokenOf } from './token.ts';

/** A request that may be carried out. */
export interface CheckedRequest {
  readonly asked: AskedRestore;
  /** That has proven it. */
  readonly token: string;
  /** Of its set. */
  readonly manifest: Manifest;
  /** Its restore needs an identity. */
  readonly isEncrypted: boolean;
}

/** @throws StowageError `request/not-found`. */
export async function requireRequest(
  context: ClusterContext,
  store: ObjectStore,
  id: string,
): Promise<RequestSummary> {
  const found = await describeRequest(functionDeps(context, store), id);
  if (found !== undefined) return found;
  throw new StowageError('request/not-found', `there is no request ${id} under ${store.url}`);
}

/**
 * The request, when this configuration may carry it out now.
 * @throws StowageError `request/refused` with the reason: forged, of another root, too old, taken,
 * or for what the target does not take; also when its set is no longer the set that it names.
 */
export async function checkedRequest(
  context: ClusterContext,
  store: ObjectStore,
  id: string,
): Promise<CheckedRequest> {
  const found = await requireRequest(context, store, id);
  const { requests } = context.config;
  const token = await requestTokenOf(context);
  if (requests === undefined || token === undefined)
    throw new StowageError(
      'config/invalid',
      'requests: in the configuration names the targets of requests and their token; it is missing',
      { where: { field: 'requests' } },
    );
  const { asked } = found;
  if (asked === undefined) throw refused(id, 'its document cannot be read');
  if (!isProven(asked, token))
    throw refused(
      id,
      'its proof does not fit requests.tokenFile: no `stowage serve` with this token wrote it, or it was changed',
    );
  if (asked.root !== store.url) throw refused(id, `it was made for the root ${asked.root}`);
  const planted = unprovenRun(found, { asked, token });
  if (planted !== undefined)
    throw refused(
      id,
      `${planted} says that a command has taken it, or how it ended, and its proof does not fit requests.tokenFile: no command with this token wrote it. Ask again in the console, and find out which program writes below requests/`,
    );
  if (found.start !== undefined)
    throw refused(id, `${found.start.by} has taken it at ${found.start.startedAt}`);
  if (found.end !== undefined)
    throw refused(id, `it has ended at ${found.end.endedAt}: ${found.end.message ?? found.state}`);
  if (found.state === 'unreadable')
    throw refused(id, 'a document that says whether it was taken cannot be read');
  if (found.state !== 'waiting') throw refused(id, `it has expired at ${asked.expiresAt}`);
  const key = formatKey({ kind: 'manifest', timestamp: asked.timestamp });
  const raw = await readDocument(functionDeps(context, store), key);
  if (raw === undefined) throw refused(id, `set ${asked.timestamp} has no manifest`);
  if (sha256(raw.bytes) !== asked.manifestSha256)
    throw refused(id, `the manifest of set ${asked.timestamp} has changed since`);
  const manifest = decode(Manifest, raw);
  const problem = targetProblem(asked, requests.targets, manifest.database);
  if (problem !== undefined) throw refused(id, problem);
  return { asked, token, manifest, isEncrypted: manifest.encryption !== undefined };
}

const refused = (id: string, why: string) =>
  new StowageError('request/refused', `request ${id}: ${why}`);
