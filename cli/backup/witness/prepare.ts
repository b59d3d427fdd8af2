import { mapInFlight } from '../../../async/each-in-flight.ts';
import { asStowageError } from '../../../backup-set/base/errors.ts';
import { isSoundUnder, type WitnessKind } from '../../../backup-set/witness/kinds.ts';
import type { Segment, SnapshotOptions } from '../../../database/flavour.ts';
import type { WitnessProbe, WitnessSupport } from '../../../database/witness/provider.ts';
import { WITNESSES } from '../../../database/witness/supports.ts';
import { targetOf } from '../../config/config.ts';
import type { Config } from '../../config/schema.ts';
import { mechanismOf } from '../../config/through.ts';
import type { ClusterContext } from '../../context.ts';
import { noteWaiting } from '../../output/waiting.ts';

export const SERVERS_AT_ONCE = 16;
/** 32 MiB of a table (docs/design/0022-witnesses.md). */
const RANGE_BLOCKS = 4096;

/** A way to prove that tables of a server did not change, or why there is none. */
export interface Prepared {
  readonly kind: WitnessKind;
  readonly probe: WitnessProbe | undefined;
  /** Why there is no witness of this kind on this server. */
  unavailable: string | undefined;
  /** This kind of server never has one. */
  readonly unsupported?: true;
}

/** What was prepared on all servers before the snapshot. */
export interface PreparedWitnesses {
  readonly support: WitnessSupport | undefined;
  readonly contents: ReadonlyMap<number, readonly Prepared[]>;
  /** Absent = no witness needs it. */
  readonly underBarrier?: NonNullable<SnapshotOptions['underBarrier']>;
}

/** Prepares witnesses on all servers. A server that has none is read in full. */
export async function prepareWitnesses(
  context: ClusterContext,
  segments: readonly Segment[],
  rangeBlocks = RANGE_BLOCKS,
): Promise<PreparedWitnesses> {
  const { config } = context;
  const support = isOff(config) ? undefined : WITNESSES[config.flavour];
  const providers = (support?.providers ?? []).filter(
    ({ kind }) => isOn(config, kind) && isSoundUnder(kind, mechanismOf(config)),
  );
  const lists = await mapInFlight(segments, SERVERS_AT_ONCE, async (segment) => {
    const target = targetOf(config, segment, context.env);
    const place = {
      ...{ target, waitMs: waitMs(config), signal: context.signal },
      ...(config.backup.witnesses.blockRanges && { rangeBlocks }),
    };
    const prepared: Prepared[] = [];
    for (const provider of providers) {
      const { kind } = provider;
      try {
        const probe = await provider.prepare(place);
        prepared.push(
          'unavailable' in probe
            ? { kind, probe: undefined, ...probe }
            : { kind, probe, unavailable: undefined },
        );
      } catch (error) {
        context.signal.throwIfAborted();
        prepared.push({ kind, probe: undefined, unavailable: asStowageError(error).message });
      }
    }
    return [segment.content, prepared] as const;
  });
  const contents = new Map(lists);
  const asks = lists.some(([, list]) => list.some(({ probe }) => probe?.underBarrier));
  return {
    support: providers.length > 0 ? support : undefined,
    contents,
    ...(asks && {
      underBarrier: async (content, session) => {
        for (const { probe } of contents.get(content) ?? []) await probe?.underBarrier?.(session);
      },
    }),
  };
}

/** Every table is always read, or no set is a base: witnesses and checkpoints are of no use. */
const isOff = ({ backup }: Config) => backup.rereadAfter === 0 || !backup.carry;

function isOn({ backup: { witnesses } }: Config, kind: WitnessKind): boolean {
  switch (kind) {
    case 'wal-summary':
      return witnesses.walSummary;
    case 'append-optimized':
      return witnesses.appendOptimized;
    case 'file-stamp':
      return witnesses.fileStamp;
  }
}

const waitMs = ({ backup }: Config) => backup.witnesses.waitSeconds * 1000;

/** Says after a while that a checkpoint takes its time. */
export async function whileServersFlush<Result>(
  context: ClusterContext,
  work: () => Promise<Result>,
): Promise<Result> {
  using _ = noteWaiting(context, {
    what: () => 'a checkpoint of every server, and what they say about unchanged tables',
    needs: 'A server that takes longer than backup.witnesses.waitSeconds is read in full',
  });
  return await work();
}
