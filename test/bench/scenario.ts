import type { Options } from './options.ts';
import type { ScenarioResult } from './report/result.ts';
import type { Store } from './setup/store.ts';
import type { Tools } from './setup/tools.ts';

/** The environment of a scenario. */
export interface Bench {
  readonly options: Options;
  readonly tools: Tools;
  readonly store: Store;
  /** A folder for the files of a scenario. It is removed at the end. */
  readonly home: string;
  log(text: string): void;
}

/** A scenario of the bench, as the modules of `scenarios/` export it. */
export interface Scenario {
  readonly name: string;
  /** One line for `--help`. */
  readonly about: string;
  /** The default of --gigabytes: GB (10⁹ bytes) of COPY text. */
  readonly gigabytes: number;
  /** The default of --rounds. */
  readonly rounds: number;
  run(
    bench: Bench,
    size: { gigabytes: number; rounds: number },
  ): Promise<ScenarioResult | readonly ScenarioResult[]>;
}
