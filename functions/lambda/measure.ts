import type { Invocation } from './environment.ts';
import type { Values } from './metrics.ts';

/** Runs one piece of work, and records its duration, its result and the metrics it returns. */
export async function measure(
  invocation: Invocation,
  work: (invocation: Invocation) => Promise<Values>,
): Promise<void> {
  const startedAt = invocation.clock().getTime();
  const JobMs = () => invocation.clock().getTime() - startedAt;
  try {
    const values = await work(invocation);
    invocation.count({ ...values, JobsFailed: 0, JobMs: JobMs() });
  } catch (error) {
    invocation.count({ JobsFailed: 1, JobMs: JobMs() });
    throw error;
  }
}
