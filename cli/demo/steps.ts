import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { EVERYTHING } from '../../backup-set/base/selection.ts';
import { describeProblem } from '../../backup-set/base/verdict.ts';
import { count, plural } from '../../backup-set/base/words.ts';
import { Manifest } from '../../backup-set/documents/manifest.ts';
import { validate } from '../../functions/handlers/validate.ts';
import { copySet } from '../../functions/sets/copy.ts';
import { tryReadDocument } from '../../functions/sets/status.ts';
import { readPart } from '../../functions/stored/read-part.ts';
import { type BackupResult, runBackup } from '../backup/coordinate.ts';
import { backupText } from '../commands/backup.ts';
import { segmentsOf, targetOf } from '../config/config.ts';
import type { ClusterContext } from '../context.ts';
import { withStore } from '../open.ts';
import { bytes, duration, printable } from '../output/format.ts';
import { table } from '../output/table/table.ts';
import { runRestore } from '../restore/coordinate.ts';
import { functionDeps } from '../wait-for-functions.ts';
import { compareRelations } from './compare.ts';
import type { DemoOutput } from './demo-output.ts';
import { startWriters, totalMoney } from './writers.ts';

const WAIT_MS = 120_000;

/** Backs up during transfers. @returns the timestamp. @throws when the set is not complete. */
export async function backUpUnderWriters(
  source: ClusterContext,
  demo: DemoOutput,
): Promise<string> {
  const writers = startWriters(targetsOf(source));
  let result: BackupResult;
  try {
    result = await runBackup(source, { waitMs: WAIT_MS });
  } finally {
    const { transfers, longestMs } = await writers.stop();
    demo.print(
      `${plural(transfers, 'transfer')} during the backup; the slowest took ${duration(longestMs)}`,
    );
  }
  demo.print(backupText(result));
  if (result.status !== 'complete')
    throw new Error(`the set that was backed up during transfers is ${result.status}`);
  return result.timestamp;
}

/**
 * Kills a shipper during a backup: the set must not be complete, and the verdict must name the
 * segment.
 */
export async function detectKilledShipper(source: ClusterContext, demo: DemoOutput): Promise<void> {
  const { output } = source;
  const note: typeof output.note = (event, fields, text) => {
    output.note(event, fields, text);
    const pid = fields['pid'];
    if (event === 'shipper' && fields['content'] === 2 && typeof pid === 'number')
      // At once: on a fast machine a shipper of the demo takes less than half a second.
      killProcess(pid);
  };
  const result = await runBackup({ ...source, output: { ...output, note } }, { waitMs: WAIT_MS });
  demo.print(backupText(result));
  const named = result.verdict?.problems.some(({ content }) => content === 2) === true;
  if (result.status === 'complete' || !named)
    throw new Error('the killed shipper of content 2 was not detected');
}

/** Copies the set to the alternate location and validates the copy. */
export async function copyAway(
  source: ClusterContext,
  alternate: ClusterContext,
  timestamp: string,
  demo: DemoOutput,
): Promise<void> {
  await withStore(source, (from) =>
    withStore(alternate, async (to) => {
      const { copied, verdict } = await copySet(
        functionDeps(source, from),
        functionDeps(alternate, to),
        timestamp,
      );
      demo.print(
        `copied ${plural(copied.objects, 'object')} (${bytes(copied.bytes)}); the copy is ${verdict.status}`,
      );
    }),
  );
}

/** Changes one byte of the largest pack, and shows that validation names the pack. */
export async function damageOriginal(
  source: ClusterContext,
  folder: string,
  timestamp: string,
  demo: DemoOutput,
): Promise<void> {
  await withStore(source, async (store) => {
    const deps = functionDeps(source, store);
    const manifest = await tryReadDocument(deps, timestamp, 'manifest', Manifest);
    const parts = await Promise.all(
      manifest?.contents.map(({ content }) => readPart(deps, manifest, content)) ?? [],
    );
    const [pack] = parts
      .flatMap((part) => (part.ok ? part.value.packs : []))
      .sort((a, b) => b.bytes - a.bytes);
    if (pack === undefined) throw new Error('the set has no pack');
    await flipByte(join(folder, pack.key), Math.floor(pack.bytes / 2));
    const { verdict } = await validate(deps, timestamp);
    demo.print(
      [
        ...verdict.problems.slice(0, 3).map(describeProblem),
        `the original set is now ${verdict.status}`,
      ]
        .map(printable)
        .join('\n'),
    );
  });
}

export async function restoreElsewhere(
  alternate: ClusterContext,
  timestamp: string,
  demo: DemoOutput,
): Promise<void> {
  const { outcome, elapsedMs } = await runRestore(alternate, {
    set: { kind: 'timestamp', timestamp },
    mode: 'create',
    selection: EVERYTHING,
    verify: true,
    globals: true,
    noOwner: false,
    resize: false,
    count: true,
    objects: true,
    dropUnfinished: false,
    waitMs: WAIT_MS,
  });
  demo.print(
    [
      ...outcome.problems.map(describeProblem),
      `${outcome.status}: ${plural(outcome.totals.rows, 'row')} in ${duration(elapsedMs)}`,
    ].join('\n'),
  );
}

/** Prints the comparison. @returns true when all tables and the sum of all accounts are equal. */
export async function compareClusters(
  source: ClusterContext,
  alternate: ClusterContext,
  timestamp: string,
  demo: DemoOutput,
): Promise<boolean> {
  const manifest = await withStore(alternate, (store) =>
    tryReadDocument(functionDeps(alternate, store), timestamp, 'manifest', Manifest),
  );
  if (manifest === undefined)
    throw new Error(`set ${timestamp} has no manifest at ${alternate.config.root}`);
  const compared = await compareRelations(manifest, targetsOf(source), targetsOf(alternate));
  const rows = compared.map(
    ({ name, rows, restoredRows, digest, restoredDigest, isWrittenTo: moved }) => [
      printable(name),
      count(rows),
      count(restoredRows),
      digest.slice(0, 12),
      restoredDigest.slice(0, 12),
      digest === restoredDigest ? 'equal' : moved ? 'changed since' : 'DIFFERENT',
    ],
  );
  const [before, after] = [
    await totalMoney(targetsOf(source)),
    await totalMoney(targetsOf(alternate)),
  ];
  demo.print(table(['table', 'rows', 'restored rows', 'digest', 'restored digest', ''], rows));
  demo.print(
    `sum of all accounts: ${count(before)} in the original, ${count(after)} restored: ${before === after ? 'equal, so no transfer was backed up by half' : 'DIFFERENT'}`,
  );
  return (
    before === after &&
    compared.every(
      ({ digest, restoredDigest, isWrittenTo: moved }) => moved || digest === restoredDigest,
    )
  );
}

function targetsOf(context: ClusterContext) {
  return segmentsOf(context.config).map((segment) =>
    targetOf(context.config, segment, context.env),
  );
}

function killProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // The shipper has ended already; the check after the backup then fails.
  }
}

async function flipByte(path: string, at: number): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const byte = Buffer.alloc(1);
    await file.read(byte, 0, 1, at);
    byte[0] = (byte[0] ?? 0) ^ 0x01;
    await file.write(byte, 0, 1, at);
  } finally {
    await file.close();
  }
}
