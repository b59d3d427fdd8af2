import type { Manifest } from '../../../backup-set/documents/manifest.ts';
import type { RestoreRequest } from '../../../backup-set/documents/restore/restore.ts';
import type { Segment } from '../../../database/flavour.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import type { ClusterContext } from '../../context.ts';
import type { MappedRestore } from '../mapped/text.ts';

/** What a look at the target of a restore needs. */
export interface TargetCheck {
  readonly context: ClusterContext;
  readonly store: ObjectStore;
  readonly segments: readonly Segment[];
  readonly request: RestoreRequest;
  readonly manifest: Manifest;
  /** When several contents go into one server. */
  readonly mapped?: MappedRestore | undefined;
  /** Contents whose database the restore drops first (--drop-unfinished). */
  readonly dropped?: readonly number[];
}
