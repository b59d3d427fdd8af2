import { parseKey } from '../../../../backup-set/base/keys.ts';
import { failureOf, stowage } from '../../../support/cli.ts';
import { configFor, databasesOf } from '../../../support/e2e/cluster.ts';
import type { TestServer } from '../../../support/servers/postgres.ts';
import type { Ended } from '../command.ts';
import type { Lane } from '../lane.ts';
import type { RunPlan } from '../plan.ts';
import { JUDGED, TARGET } from '../targets.ts';
import { tornBank, transfersIn } from './bank.ts';
import {
  brokenGenerations,
  type Contents,
  contentsOf,
  difference,
  unchanging,
} from './contents.ts';

/**
 * What is wrong with a run: a claim that is not true, a command that did not end, something that
 * stayed behind, a failure without a code, a defect (exit code 1, a stack trace).
 */
export interface Finding {
  readonly kind: 'false claim' | 'hang' | 'documented hang' | 'leftover' | 'no code' | 'defect';
  readonly what: string;
}

/**
 * A stopped backend looks like one that computes. These statements may compute for hours, so
 * nothing ends a command that waits for them (docs/operations.md, "When a server is silent").
 */
const MAY_BE_SILENT =
  /pg_restore active blocked by \{\}| active blocked by \{\} (CREATE DATABASE|ANALYZE|REFRESH|DELETE|SELECT count)/;

/** What is not documented. */
export const isFault = ({ kind }: Finding) => kind !== 'documented hang';

/** A set that a restore can use, and what each content's database then holds. */
export interface ProvenSet {
  readonly root: string;
  readonly timestamp: string;
  readonly contents: readonly Contents[];
}

/** The numbers of transfers in the source before and after the backup. */
export interface Transfers {
  readonly before: number;
  readonly after: number;
}

/** Restores what the backup calls complete, without faults, and compares it with the source. */
export async function judgeBackup(
  lane: Lane,
  root: string,
  backup: Ended,
  transfers: Transfers,
): Promise<{ findings: Finding[]; set: ProvenSet | undefined }> {
  const findings = toldTruly('backup', backup);
  const claim = (what: string) => void findings.push({ kind: 'false claim', what });
  const timestamp = await completeSet(lane, root);
  const status = backup.result?.json?.status;
  if (timestamp === undefined) {
    if (backup.code === 0) claim('backup: exit code 0, and no manifest is stored');
    return { findings, set: undefined };
  }
  if (backup.code === 3 && status === 'incomplete')
    claim(`backup: set ${timestamp} has a manifest, and is called incomplete`);
  const config = await configFor(lane.direct, lane.servers, root, { functions: 'inline' });
  const options = { config, env: lane.direct.env };
  const args = ['restore', timestamp, '--create', '--no-verify', '--database', JUDGED];
  const startedAt = Date.now();
  const restore = await stowage(args, options);
  lane.pace.slowestMs = Math.max(lane.pace.slowestMs, Date.now() - startedAt);
  const failure = failureOf(restore);
  if (failure !== undefined) {
    claim(`backup: set ${timestamp} is complete, and cannot be restored: ${failure}`);
    return { findings, set: undefined };
  }
  const contents = await read(lane.servers, JUDGED);
  for (const [content, found] of contents.entries()) {
    const expected = unchanging(lane.sourceContents[content] ?? new Map());
    const differs = difference(expected, unchanging(found));
    if (differs !== undefined) claim(`backup: content ${content} of set ${timestamp}: ${differs}`);
  }
  for (const what of await inconsistencies(lane.servers, transfers))
    claim(`backup: set ${timestamp}: ${what}`);
  return { findings, set: { root, timestamp, contents } };
}

async function inconsistencies(
  servers: readonly TestServer[],
  { before, after }: Transfers,
): Promise<string[]> {
  const torn = await tornBank(servers, JUDGED);
  const generations = await Promise.all(servers.map((server) => brokenGenerations(server, JUDGED)));
  const [first] = servers;
  const held = first === undefined ? 0 : await transfersIn(first, JUDGED);
  return [
    ...(torn === undefined ? [] : [torn]),
    ...generations.filter((broken) => broken !== ''),
    ...(held < before || held > after
      ? [`it has ${held} transfers; the source had ${before} before and ${after} after the backup`]
      : []),
  ];
}

/** The timestamp of the set that has a manifest. */
async function completeSet(lane: Lane, root: string): Promise<string | undefined> {
  const store = await lane.direct.open(root);
  try {
    for await (const { key } of store.list('sets/')) {
      const parsed = parseKey(key);
      if (parsed?.kind === 'manifest') return parsed.timestamp;
    }
    return undefined;
  } finally {
    await store.close();
  }
}

/** Compares the target with what the restores say about it. `before` is undefined: no database. */
export async function judgeRestores(
  lane: Lane,
  plan: RunPlan,
  set: ProvenSet,
  before: readonly Contents[] | undefined,
  restores: readonly Ended[],
): Promise<Finding[]> {
  const findings = restores.flatMap((restore) => toldTruly('restore', restore));
  const claim = (what: string) => void findings.push({ kind: 'false claim', what });
  // A refused restore changed nothing, so the target is what the last of the others made of it.
  const worked = restores.filter(({ code }) => code !== 4);
  const last = worked.toSorted((a, b) => a.endedAt - b.endedAt).at(-1);
  const found = await targetContents(lane);
  const differs = (expected: readonly Contents[]) =>
    found?.map((contents, at) => difference(expected[at] ?? new Map(), contents)).find(Boolean);
  if (last?.code === 0) {
    if (found === undefined) claim('restore: exit code 0, and the target database does not exist');
    const wrong = differs(set.contents);
    if (wrong !== undefined) claim(`restore: exit code 0, and the target differs: ${wrong}`);
  }
  const unchanged =
    before === undefined
      ? found === undefined
      : found !== undefined && differs(before) === undefined;
  const saysUnchanged = ({ code, result }: Ended) =>
    code === 4 || result?.json?.targetChanged === false;
  if (restores.every(saysUnchanged) && !unchanged)
    claim('restore: it says that the target was not changed, and the target was changed');
  if (
    plan.restores.length === 1 &&
    last?.result?.json?.targetChanged === true &&
    (await databaseCount(lane)) === 0
  )
    claim('restore: it says that the target was changed, and no target database exists');
  return findings;
}

/** Undefined unless all servers have the target database. */
async function targetContents(lane: Lane): Promise<readonly Contents[] | undefined> {
  if ((await databaseCount(lane)) < lane.servers.length) return undefined;
  return read(lane.servers, TARGET);
}

async function databaseCount(lane: Lane): Promise<number> {
  const names = await Promise.all(lane.servers.map(databasesOf));
  return names.filter((databases) => databases.includes(TARGET)).length;
}

const read = (servers: readonly TestServer[], database: string) =>
  Promise.all(servers.map((server) => contentsOf(server, database)));

/** What is wrong with how a command ended, whatever it did. */
function toldTruly(name: string, { code, result, unreadable, hungAfter, ms }: Ended): Finding[] {
  if (hungAfter !== undefined)
    return [
      {
        kind: MAY_BE_SILENT.test(hungAfter) ? 'documented hang' : 'hang',
        what: `${name}: no end after ${ms} ms: ${hungAfter}`,
      },
    ];
  // A signal ended it.
  if (code === null && unreadable === undefined) return [];
  const text = result?.text ?? unreadable ?? '';
  if (unreadable !== undefined || code === 1 || / {4}at .*:\d+:\d+/.test(text))
    return [{ kind: 'defect', what: `${name}: exit code ${code}: ${text.slice(0, 3_000)}` }];
  if (code === 0 || codesOf(result).length > 0) return [];
  return [{ kind: 'no code', what: `${name}: exit code ${code}: ${text.slice(0, 1_000)}` }];
}

/** The codes with which a command says why it failed. */
export function codesOf(result: Ended['result']): string[] {
  const { error, failures, problems, verdict } = result?.json ?? {};
  const listed = [...(failures ?? []), ...(problems ?? []), ...(verdict?.problems ?? [])];
  return [...new Set([error?.code, ...listed.map(({ code }) => code)])].filter(
    (code) => code !== undefined,
  );
}
