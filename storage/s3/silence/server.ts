import { HeadBucketCommand } from '@aws-sdk/client-s3';
import { StowageError } from '../../../backup-set/base/errors.ts';
import type { S3 } from '../connection/client.ts';
import { failureOf } from '../errors.ts';

const ANSWER_MS_MAX = 15_000;

/**
 * Watches a request that a healthy server may answer after minutes only (a copy, a completion): in
 * these, silence proves nothing. After each `silentMsMax` it asks the server for something small.
 * `onSilent` is called when that is not answered either. A server that has just asked for fewer
 * requests is not silent.
 */
export function watchServer(
  s3: S3,
  doing: string,
  onSilent: (error: StowageError) => void,
): Disposable {
  const { silentMsMax, stallMs } = s3.settings;
  const over = new AbortController();
  let timer: NodeJS.Timeout;
  const wait = () => {
    timer = setTimeout(() => void check(), silentMsMax);
  };
  const check = async () => {
    // The request waits for its turn, and so would the small one.
    if (s3.pace.isSlow()) return wait();
    const limit = AbortSignal.timeout(Math.min(stallMs, ANSWER_MS_MAX));
    const answered = await answers(s3, AbortSignal.any([limit, over.signal]));
    if (over.signal.aborted) return;
    if (answered || s3.pace.isSlow()) wait();
    else onSilent(silent(doing, silentMsMax));
  };
  wait();
  return {
    [Symbol.dispose]() {
      clearTimeout(timer);
      over.abort();
    },
  };
}

/** Any status will do: most roles may not look at the bucket. */
async function answers({ client, bucket }: S3, signal: AbortSignal): Promise<boolean> {
  try {
    await client.send(new HeadBucketCommand({ Bucket: bucket }), { abortSignal: signal });
    return true;
  } catch (error) {
    return failureOf(error).status !== undefined;
  }
}

function silent(doing: string, silentMs: number): StowageError {
  const message = `${doing} failed: the store has not answered for ${Math.round(silentMs / 1000)} s (stallSeconds), and does not answer another request either`;
  return new StowageError('storage/unavailable', message);
}
