import { setImmediate as turn } from 'node:timers/promises';
import type { weighed } from '../../../../async/each-in-flight.ts';
import { formatKey } from '../../../../backup-set/base/keys.ts';
import type { Result } from '../../../../backup-set/base/result.ts';
import type { Problem } from '../../../../backup-set/base/verdict.ts';
import {
  type Manifest,
  type ManifestPart,
  pinnedManifestPart,
} from '../../../../backup-set/documents/manifest.ts';
import type { Deps } from '../../../deps.ts';
import { readDocument } from '../../../stored/load.ts';
import { MEASURES, type Measure, NOT_YET_READ, UNREADABLE } from './codes.ts';
import { cellsOf } from './part-cells.ts';

/** What is needed of a manifest to read its parts. */
export type PinnedParts = Pick<Manifest, 'timestamp' | 'contents'>;

/** The cells of a set, as far as they are read. */
export interface Matrix {
  /** Contents whose part has been read, or cannot be. */
  readonly read: number;
  /** Why the part of a content cannot be read. */
  readonly problems: ReadonlyMap<number, string>;
  /**
   * The cells of these tables, table after table; each has a byte per content of the manifest.
   * Reading goes on for a while, with the contents that are next to `near` first.
   */
  rows(measure: Measure, tables: readonly number[], near: number): Uint8Array;
}

/** Reading ends when no page has asked for so long. */
const IDLE_MS = 20_000;

/** Parsing a part takes 50 ms of CPU per 10,000 tables: one at a time leaves room for functions. */
export function createMatrix(
  deps: Deps,
  manifest: PinnedParts,
  tables: number,
  heavy: ReturnType<typeof weighed>,
): Matrix {
  const { contents } = manifest;
  const cells = Array.from<Uint8Array | undefined>({ length: contents.length });
  const unread = new Set(contents.keys());
  const problems = new Map<number, string>();
  let wanted = 0;
  let askedAt = 0;
  let isReading = false;

  async function readParts(): Promise<void> {
    while (unread.size > 0 && performance.now() - askedAt < IDLE_MS) {
      if (deps.signal?.aborted) return;
      const index = nearest(unread, wanted);
      const content = contents[index]?.content ?? 0;
      const part = await heavy(1, () => readPinnedPart(deps, manifest, content));
      if (part.ok) cells[index] = cellsOf(part.value, tables);
      else problems.set(content, part.failure.message);
      unread.delete(index);
      await turn();
    }
  }

  function startReading(): void {
    if (isReading || unread.size === 0) return;
    isReading = true;
    readParts()
      // The store refuses: the next request tries again.
      .catch((error: unknown) => deps.log.debug({ err: error }, 'console: cells not read'))
      .finally(() => {
        isReading = false;
      });
  }

  return {
    get read() {
      return contents.length - unread.size;
    },
    problems,
    rows(measure, chosen, near) {
      wanted = near;
      askedAt = performance.now();
      startReading();
      const plane = MEASURES.indexOf(measure) * tables;
      const answer = new Uint8Array(chosen.length * contents.length);
      for (const [index, column] of cells.entries()) {
        const missing = unread.has(index) ? NOT_YET_READ : UNREADABLE;
        for (let row = 0; row < chosen.length; row += 1)
          answer[row * contents.length + index] =
            column === undefined ? missing : (column[plane + (chosen[row] ?? 0)] ?? missing);
      }
      return answer;
    },
  };
}

export async function readPinnedPart(
  deps: Deps,
  manifest: PinnedParts,
  content: number,
): Promise<Result<ManifestPart, Problem>> {
  const key = formatKey({ kind: 'manifest-part', timestamp: manifest.timestamp, content });
  const named = manifest.contents.find((candidate) => candidate.content === content);
  const raw = named && (await readDocument(deps, key, named.part.bytes));
  return pinnedManifestPart(manifest, content, raw);
}

function nearest(unread: ReadonlySet<number>, wanted: number): number {
  let best = -1;
  for (const index of unread)
    if (best === -1 || Math.abs(index - wanted) < Math.abs(best - wanted)) best = index;
  return best;
}
