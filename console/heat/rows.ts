import { type Measure, NOT_YET_READ } from '../../functions/serve/console/cells/codes.ts';
import { apiAddress, ask, type Failure, failureOf } from '../base/api.ts';
import type { View } from './colours.ts';

/** Bytes of cells that one request asks for, and that the page keeps. */
const ASKED_MAX = 1024 * 1024;
const KEPT_MAX = 24 * 1024 * 1024;
const TABLES_PER_REQUEST = 512;
/** The server reads parts of the manifest: what is not there yet is asked for again. */
const AGAIN_MS = 600;

export const measureOf = (view: View): Measure => (view === 'skew' ? 'bytes' : view);

export interface RowSource {
  /** The cells of a table, a byte per segment; undefined when they are not here. */
  row(measure: Measure, table: number): Uint8Array | undefined;
  /** Asks for what is in view and not here. The newest call counts. */
  want(measure: Measure, tables: readonly number[], near: number): void;
  readonly contentsRead: number;
  readonly unreadable: number;
  readonly failure: Failure | undefined;
  close(): void;
}

/** Rows of the heat map, as they come into view. `onChange` is called when more are here. */
export function rowSource(
  root: number,
  timestamp: string,
  contents: number,
  onChange: () => void,
): RowSource {
  const kept = new Map<string, Uint8Array>();
  const whole = new Set<string>();
  const ended = new AbortController();
  let wanted: { measure: Measure; tables: readonly number[]; near: number } | undefined;
  let isAsking = false;
  let contentsRead = 0;
  let unreadable = 0;
  let failure: Failure | undefined;
  const keyOf = (measure: Measure, table: number) => `${measure} ${table}`;

  async function askOnce(measure: Measure, tables: readonly number[], near: number) {
    const query = new URLSearchParams({ measure, tables: tables.join(), near: String(near) });
    const address = apiAddress(root, `sets/${timestamp}/rows?${query}`);
    const response = await ask(address, ended.signal);
    const cells = new Uint8Array(await response.arrayBuffer());
    contentsRead = Number(response.headers.get('stowage-contents-read'));
    unreadable = Number(response.headers.get('stowage-contents-unreadable'));
    for (const [index, table] of tables.entries()) {
      const row = cells.subarray(index * contents, (index + 1) * contents);
      const key = keyOf(measure, table);
      kept.delete(key);
      kept.set(key, row);
      if (!row.includes(NOT_YET_READ)) whole.add(key);
    }
    for (const oldest of kept.keys()) {
      if (kept.size * contents <= KEPT_MAX) break;
      kept.delete(oldest);
      whole.delete(oldest);
    }
  }

  async function askAll(): Promise<void> {
    while (!ended.signal.aborted) {
      const missing = missingOf();
      if (missing === undefined) return;
      const { measure, tables, near, isNew } = missing;
      // What is not here at all comes first, and at once.
      if (!isNew) await pause(AGAIN_MS);
      try {
        await askOnce(measure, tables, near);
        failure = undefined;
      } catch (error) {
        if (ended.signal.aborted) return;
        failure = failureOf(error);
        onChange();
        await pause(5 * AGAIN_MS);
      }
      onChange();
    }
  }

  function missingOf() {
    if (wanted === undefined) return undefined;
    const { measure, tables, near } = wanted;
    const max = Math.max(1, Math.min(TABLES_PER_REQUEST, Math.floor(ASKED_MAX / contents)));
    const fresh = tables.filter((table) => !kept.has(keyOf(measure, table)));
    const partial = tables.filter((table) => !whole.has(keyOf(measure, table)));
    const asked = (fresh.length > 0 ? fresh : partial).slice(0, max);
    if (asked.length === 0) return undefined;
    return { measure, tables: asked, near, isNew: fresh.length > 0 };
  }

  return {
    row: (measure, table) => kept.get(keyOf(measure, table)),
    want(measure, tables, near) {
      wanted = { measure, tables, near };
      if (isAsking) return;
      isAsking = true;
      void askAll().finally(() => {
        isAsking = false;
      });
    },
    get contentsRead() {
      return contentsRead;
    },
    get unreadable() {
      return unreadable;
    },
    get failure() {
      return failure;
    },
    close: () => ended.abort(),
  };
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
