import { storageRetries } from '../../storage/retries.ts';
import type { Invocation } from './environment.ts';
import type { Counted, Values } from './metrics.ts';

/** Runs one piece of work, and records its duration, its result and the metrics it returns. */
export async function measure(
  invocation: Invocation,
  work: (invocation: Invocation) => Promise<Counted>,
): Promise<void> {
  const startedAt = invocation.clock().getTime();
  const throttledBefore = storageRetries().throttledMs;
  const spent = (): Values => {
    const ThrottledMs = storageRetries().throttledMs - throttledBefore;
    const JobMs = invocation.clock().getTime() - startedAt;
    return { JobMs, ...(ThrottledMs > 0 && { ThrottledMs }) };
  };
  try {
    const values = await work(invocation);
    invocation.count({ ...values, JobsFailed: 0, ...spent() });
  } catch (error) {
    invocation.count({ JobsFailed: 1, ...spent() });
    throw error;
  }
}
