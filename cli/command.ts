import type { ClusterContext, Context } from './context.ts';
import type { EndingSignal } from './ending.ts';

/** Flags as given on the command line, by their camel-cased names. */
export type Flags = Readonly<Record<string, unknown>>;

export interface Described {
  /** Name and arguments as commander writes them, e.g. `show <timestamp>`. */
  readonly usage: string;
  readonly summary: string;
  readonly details?: string;
  readonly flags: readonly (readonly [flags: string, text: string])[];
  /** Flags that may be repeated. */
  readonly lists?: readonly string[];
  /** What it logs without --log-level; absent = nothing. */
  readonly logLevel?: 'info';
  /** Argument → the words that it can be; absent = any text. */
  readonly words?: Readonly<Record<string, readonly string[]>>;
  /** The signals that end it in order; absent = SIGINT, SIGTERM and SIGHUP. */
  readonly signals?: readonly EndingSignal[];
}

export interface Invocation<C extends Context = Context> {
  readonly flags: Flags;
  readonly positional: readonly string[];
  readonly context: C;
}

/** A command: data for the help, and a function that returns the exit code. */
export interface PlainCommand extends Described {
  readonly cluster?: undefined;
  readonly run: (invocation: Invocation) => Promise<number>;
}

/** A command that needs a configuration. */
export interface ClusterCommand extends Described {
  /** The configuration fields that its flags override: dotted path → value. */
  readonly cluster: (flags: Flags) => Readonly<Record<string, unknown>>;
  readonly run: (invocation: Invocation<ClusterContext>) => Promise<number>;
}

export type CommandDefinition = PlainCommand | ClusterCommand;
