import { onAbort } from '../../../async/abort.ts';
import { StowageError } from '../../../backup-set/base/errors.ts';
import { DIGEST_BYTES } from '../../../frame/digest.ts';
import type { BaseExtents } from '../../protocol/control.ts';
import { type BaseIndex, baseIndex } from './base-index.ts';

/** The frames of the base, while the coordinator sends them. */
export interface OfferedBase {
  /** @throws StowageError `shipper/protocol` */
  add(line: BaseExtents): void;
  end(): void;
  /** Resolves when the coordinator has sent all; rejects when it has died. */
  whole(signal: AbortSignal): Promise<BaseIndex>;
}

export function offeredBase(): OfferedBase {
  const index = baseIndex();
  const ended = Promise.withResolvers<void>();
  return {
    add({ relation, rowFormat, from, digests }) {
      const bytes = Buffer.from(digests, 'base64url');
      if (bytes.length !== from.length * DIGEST_BYTES)
        throw new StowageError(
          'shipper/protocol',
          'a line "base" of the control protocol has not one digest per extent',
        );
      index.add({ relation, rowFormat }, from, bytes);
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
