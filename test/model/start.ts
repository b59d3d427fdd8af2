import { INSTALLED } from '../support/servers/postgres-17.ts';
import { runGreenplumModel } from './greenplum/run.ts';
import { newGreenplumWorld } from './greenplum/world.ts';
import { runModel } from './run.ts';
import { type ModelRoot, newWorld } from './world.ts';

export interface RunChoice {
  readonly seed: number;
  /** Major version. */
  readonly postgresql: string;
  /** `host:port` of a coordinator. */
  readonly greenplum?: string | undefined;
  readonly meets?: string | undefined;
}

export interface RunTerms {
  readonly steps: number;
  readonly restoreEvery: number;
  readonly onStep: (at: number, line: string) => Promise<void>;
}

export interface StartedRun {
  readonly world: ModelRoot & { stop(): Promise<void> };
  run(terms: RunTerms): Promise<string[]>;
}

/** A world of the kind that the command line has chosen. */
export async function startRun({
  seed,
  postgresql,
  greenplum,
  meets,
}: RunChoice): Promise<StartedRun> {
  if (greenplum !== undefined) {
    const world = await newGreenplumWorld(seed, greenplum, meets);
    return { world, run: (terms) => runGreenplumModel(world, terms) };
  }
  const major = Number(postgresql);
  const other = process.env['STOWAGE_TEST_POSTGRES_BIN'];
  const world = await newWorld({
    ...{ seed, major, meets },
    binDir: other ?? (major >= 17 ? INSTALLED : undefined),
  });
  return { world, run: (terms) => runModel(world, terms) };
}
