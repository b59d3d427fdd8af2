import type { TestServer } from '../../support/servers/postgres.ts';
import type { RunResult } from '../measure/measure.ts';
import { measure } from '../measure/measure.ts';
import type { Row } from '../report/result.ts';
import type { Bench } from '../scenario.ts';
import { checkpoint } from '../setup/servers.ts';
import type { Tool } from '../setup/tools.ts';

/** A program, or a pipeline of programs, that does what a scenario measures. */
export interface Contender {
  readonly name: string;
  /** The contender is skipped if one of these is not installed. */
  readonly needs: readonly Tool[];
  /** Prepares the run. Not measured. */
  prepare?(): Promise<void>;
  run(): Promise<RunResult>;
  /** Returns figures about the result of the run. Not measured. */
  inspect?(): Promise<Readonly<Record<string, number>>>;
  /** Removes what the run has written. Not measured. */
  clean?(): Promise<void>;
}

/**
 * Runs all contenders one after the other in every round. Each round begins with another contender,
 * so that a machine that becomes slower or faster does not favour one of them.
 */
export async function runInTurns(
  bench: Bench,
  servers: readonly TestServer[],
  contenders: readonly Contender[],
  rounds: number,
): Promise<{ rows: Row[]; notes: string[] }> {
  const able = contenders.filter(({ needs }) => bench.tools.has(needs));
  const notes = contenders
    .filter((contender) => !able.includes(contender))
    .map(
      ({ name, needs }) =>
        `Skipped: ${name}. Not installed: ${needs.filter((need) => !bench.tools.has([need])).join(', ')}.`,
    );
  const rows: Row[] = [];
  for (let round = 1; round <= rounds; round++)
    for (const contender of rotated(able, round - 1)) {
      const row = await runOnce(bench, servers, contender, round);
      bench.log(
        `round ${round} of ${rounds}: ${contender.name}: ${row.wallSeconds.toFixed(1)} s, CPU ${row.totalSeconds.toFixed(1)} s (database ${row.databaseSeconds.toFixed(1)}, programs ${row.programSeconds.toFixed(1)}, client ${row.clientSeconds.toFixed(1)})`,
      );
      rows.push(row);
    }
  const order = able.map(({ name }) => name);
  return {
    rows: rows.toSorted((a, b) => order.indexOf(a.contender) - order.indexOf(b.contender)),
    notes,
  };
}

/** Measures a run of a contender. */
export async function runOnce(
  bench: Bench,
  servers: readonly TestServer[],
  contender: Contender,
  round: number,
): Promise<Row> {
  await contender.prepare?.();
  await checkpoint(servers);
  try {
    const { store } = bench;
    const { ran, usage } = await measure(
      {
        servers: servers.map(({ pid }) => pid),
        stores: store.pids,
        ...(store.sink === undefined ? {} : { sink: store.sink }),
      },
      () => contender.run(),
    );
    const { printed } = ran;
    const facts = { ...ran.facts, ...(await contender.inspect?.()) };
    return {
      contender: contender.name,
      round,
      ...usage,
      facts,
      ...(printed === undefined ? {} : { printed }),
    };
  } finally {
    await contender.clean?.();
  }
}

export function rotated<T>(list: readonly T[], by: number): T[] {
  const at = by % Math.max(1, list.length);
  return [...list.slice(at), ...list.slice(0, at)];
}
