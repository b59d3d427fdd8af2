import { decode } from '../../backup-set/base/document.ts';
import { asStowageError } from '../../backup-set/base/errors.ts';
import { formatKey, SETS } from '../../backup-set/base/keys.ts';
import { Timestamp } from '../../backup-set/base/timestamps.ts';
import { plural } from '../../backup-set/base/words.ts';
import { Manifest } from '../../backup-set/documents/manifest.ts';
import { compareSets } from '../../backup-set/unusual/compare.ts';
import { kindOf, numbersOf, type SetNumbers } from '../../backup-set/unusual/numbers.ts';
import { DEFAULT_RULES } from '../../backup-set/unusual/rules.ts';
import type { Warning, WarningList } from '../../backup-set/unusual/warnings.ts';
import type { Deps } from '../deps.ts';
import { readDocument } from '../stored/load.ts';
import { isOfOneObject } from '../stored/unreadable.ts';

/** A slow store must not fail a validation, which has 15 minutes in a Lambda. */
const READING_MS_MAX = 120_000;

/** Older sets looked at: a root can have those of many databases. */
const LOOKED_AT_MAX = 200;

/**
 * What is unusual about a committed set (docs/design/0043-unusual-sets.md). Reads one manifest of
 * an older set after the other, and keeps the numbers of its tables. A failure of the comparison is
 * itself a warning: it must not fail a validation.
 */
export async function compareWithOlder(
  deps: Deps,
  manifest: Manifest,
  readingMsMax = READING_MS_MAX,
): Promise<WarningList> {
  const rules = deps.unusual ?? DEFAULT_RULES;
  if (typeof rules === 'string') return { warnings: [{ code: 'not-compared', message: rules }] };
  if (rules.sets === 0) return { warnings: [] };
  const unreadable: Warning[] = [];
  try {
    const set = numbersOf(manifest);
    const older: SetNumbers[] = [];
    const tooLate = AbortSignal.timeout(readingMsMax);
    const bounded = { ...deps, signal: AbortSignal.any([deps.signal ?? tooLate, tooLate]) };
    try {
      for await (const timestamp of olderSets(bounded, manifest.timestamp)) {
        const found = await readNumbers(bounded, timestamp, set.kind);
        if (found === undefined) continue;
        if ('code' in found) unreadable.push(found);
        else older.push(found);
        if (older.length === rules.sets) break;
      }
    } catch (error) {
      if (!tooLate.aborted) throw error;
      unreadable.push(notAllRead(older.length, readingMsMax));
    }
    const { compared, warnings } = compareSets(set, older, rules);
    return { ...(compared && { compared }), warnings: [...warnings, ...unreadable] };
  } catch (error) {
    if (deps.signal?.aborted === true) throw error;
    const { code, message } = asStowageError(error);
    deps.log.warn({ err: error, set: manifest.timestamp }, 'set not compared with older sets');
    const text = `the set was not compared with older sets: ${message} (${code})`;
    return { warnings: [{ code: 'not-compared', message: text.slice(0, 4000).toWellFormed() }] };
  }
}

function notAllRead(read: number, ms: number): Warning {
  const message = `the manifests of the older sets were not read within ${ms / 1000} s: the set was compared with ${plural(read, 'set')}`;
  return { code: 'not-compared', message };
}

/** Undefined: no manifest, or one of another cluster, database or kind. */
async function readNumbers(
  deps: Deps,
  timestamp: string,
  kind: string,
): Promise<SetNumbers | Warning | undefined> {
  const object = formatKey({ kind: 'manifest', timestamp });
  try {
    const raw = await readDocument(deps, object);
    const manifest = raw && decode(Manifest, raw);
    return manifest && kindOf(manifest) === kind ? numbersOf(manifest) : undefined;
  } catch (error) {
    if (!isOfOneObject(error)) throw error;
    const message = `the manifest of set ${timestamp} cannot be read, so it was not compared with: ${error.message}`;
    return { code: 'not-compared', message: message.slice(0, 4000).toWellFormed(), object };
  }
}

/** The sets before this one, newest first. */
async function* olderSets({ store, signal }: Deps, timestamp: string): AsyncGenerator<string> {
  const foldersOf = async (prefix: string) =>
    (await Array.fromAsync(store.listPrefixes(prefix, { signal }))).map((name) =>
      name.slice(0, -1),
    );
  const days = (await foldersOf(SETS)).filter((day) => day <= timestamp.slice(0, 8));
  let left = LOOKED_AT_MAX;
  for (const day of days.toSorted().toReversed())
    for (const older of (await foldersOf(`${SETS}${day}/`)).toSorted().toReversed()) {
      if (!Timestamp.safeParse(older).success || older >= timestamp) continue;
      if (left-- === 0) return;
      yield older;
    }
}
