import type { QualifiedName } from '../../backup-set/base/selection.ts';
import type { Outcome, RestoreRequest } from '../../backup-set/documents/restore/restore.ts';
import type { Aftermath } from './aftermath.ts';
import type { OtherContents } from './command/contents.ts';
import type { MappedRestore } from './mapped/text.ts';
import type { Choices } from './request.ts';

/** How a restore ended, and what the command says about it. */
export interface RestoreResult {
  readonly id: string;
  readonly outcome: Outcome;
  readonly choices: Choices;
  readonly mode: RestoreRequest['mode'];
  /** Other names, when the request has them. */
  readonly into?: RestoreRequest['into'];
  /** Tables that the restore creates without rows, because the set has none of them. */
  readonly leftEmpty: readonly QualifiedName[];
  /** Objects of a schema that got another name, which still use the original. */
  readonly usesOriginal?: readonly string[];
  /** The set has large objects, and the request leaves them out. */
  readonly leavesLargeObjects?: boolean;
  /** Present when the request names contents. */
  readonly chosen?: OtherContents;
  /** Present when several contents go into one server. */
  readonly mapped?: MappedRestore | undefined;
  /** Present after a failure. */
  readonly aftermath?: Aftermath;
  readonly elapsedMs: number;
  /** The --identity flags of this command line, for the next one. */
  readonly identity?: string;
}
