import { onAbort } from '../../../async/abort.ts';
import { StowageError } from '../../../backup-set/base/errors.ts';
import { DIGEST_BYTES } from '../../../frame/digest.ts';
import type { BaseExtents } from '../../protocol/control.ts';
import { BASE_EXTENTS_MAX, type BaseIndex, baseIndex } from './base-index.ts';

/** An extent with a digest takes at least so many bytes in a part. */
const EXTENT_BYTES_MIN = 120;

/** How many extents a part of this size can have, at most those that a shipper may use. */
export const extentsAtMost = (partBytes: number) =>
  Math.min(Math.ceil(partBytes / EXTENT_BYTES_MIN), BASE_EXTENTS_MAX);

/** The frames of the base, while the coordinator sends them. */
export interface OfferedBase {
  /** @throws StowageError `shipper/protocol` */
  add(line: BaseExtents): void;
  end(): void;
  /** Resolves when the coordinator has sent all; rejects when it has died. */
  whole(signal: AbortSignal): Promise<BaseIndex>;
}

/** @param extentsMax memory is reserved for so many: to grow later needs it twice for a while. */
export function offeredBase(extentsMax: number): OfferedBase {
  const index = baseIndex(extentsMax);
  const ended = Promise.withResolvers<void>();
  return {
    add({ relation, rowFormat, from, digests }) {
      const bytes = Buffer.from(digests, 'base64url');
      if (bytes.length !== from.length * DIGEST_BYTES)
        throw new StowageError(
          'shipper/protocol',
          'a line "base" of the control protocol has not one digest per extent',
        );
      const kind = { relation, rowFormat };
      for (const [at, number] of from.entries()) index.add(kind, number, bytes, at * DIGEST_BYTES);
    },
    end: () => ended.resolve(),
    async whole(signal) {
      const stopped = Promise.withResolvers<never>();
      stopped.promise.catch(() => undefined);
      using _ = onAbort(signal, () => stopped.reject(signal.reason));
      await Promise.race([ended.promise, stopped.promise]);
      return index;
    },
  };
}
