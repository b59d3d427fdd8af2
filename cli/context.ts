import type { Logger } from 'pino';
import type { SigningKey } from '../encryption/signatures/signing-key.ts';
import type { Loaded } from './config/config.ts';
import type { Config } from './config/schema.ts';
import type { HeldKeys } from './keys/held.ts';
import type { Output } from './output/output.ts';

/**
 * What every command receives. Nothing below it reads environment, clock or terminal on its own.
 */
export interface Context {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: () => Date;
  /** Aborted by Ctrl-C, SIGTERM, SIGHUP, and when the output cannot be written. */
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly output: Output;
}

/** A command that works on a configured cluster. */
export interface ClusterContext extends Context {
  readonly config: Config;
  readonly sources: Loaded['sources'];
  /** Of the set that the command reads, where it is encrypted. */
  readonly keys?: HeldKeys | undefined;
  /** With agents: signs what they obey, where the configuration names a key. */
  readonly signingKey?: SigningKey | undefined;
  /** Sets that are not encrypted may be read although `encryption.recipients` is set. */
  readonly acceptsPlain?: boolean;
}
