import type { Options } from './options.ts';
import type { ScenarioResult } from './report/result.ts';
import type { Store } from './setup/store.ts';
import type { Tools } from './setup/tools.ts';

/** What every scenario gets. */
export interface Bench {
  readonly options: Options;
  readonly tools: Tools;
  readonly store: Store;
  /** A folder for whatever a scenario writes; it is removed at the end. */
  readonly home: string;
  log(text: string): void;
}

/** A module of `scenarios/`, or one beside it that exports `scenario`. */
export interface Scenario {
  readonly name: string;
  /** One line for `--help`. */
  readonly about: string;
  /** GB (10⁹ bytes) of COPY text, and rounds, when nothing else is said. */
  readonly gigabytes: number;
  readonly rounds: number;
  run(bench: Bench, size: { gigabytes: number; rounds: number }): Promise<ScenarioResult>;
}
