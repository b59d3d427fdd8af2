import type { MapRule } from '../../../backup-set/documents/restore/map.ts';
import type { RestoreRequest } from '../../../backup-set/documents/restore/restore.ts';
import type { Context } from '../../context.ts';
import { printable } from '../../output/format.ts';
import type { RestoreOptions } from '../request.ts';
import type { PartSource } from './parts.ts';
import { findEqualTables } from './references.ts';
import { type MappedRestore, mappedLines, mappedOf, mapText } from './text.ts';

/** A request with its map and the tables of which one copy is loaded. */
export interface MappedRequest {
  readonly request: RestoreRequest;
  readonly mapped?: MappedRestore | undefined;
}

/** Adds the map to a request. A resume loads what the first restore has chosen. */
export async function withMap(
  source: PartSource,
  plain: RestoreRequest,
  map: MapRule[] | undefined,
  { resumes, references, reference = [] }: RestoreOptions,
): Promise<MappedRequest> {
  if (map === undefined) return { request: plain };
  const request = { ...plain, map };
  const found =
    resumes === undefined
      ? await findEqualTables({ ...source, request }, reference)
      : { references: references ?? [], loadedFromEach: [] };
  const all = found.references.length > 0 && { references: [...found.references] };
  const complete = { ...request, ...all };
  const { loadedFromEach } = found;
  return { request: complete, mapped: mappedOf(complete, { loadedFromEach }) };
}

/** Says before the restore begins which contents go where, and what is loaded once. */
export function noteMap({ output }: Context, mapped: MappedRestore | undefined): void {
  if (mapped === undefined) return;
  const { map, references, loadedFromEach } = mapped;
  output.note(
    'map',
    { map, references, loadedFromEach },
    [printable(`restoring ${mapText(map)}`), ...mappedLines(mapped)].join('\n'),
  );
}
