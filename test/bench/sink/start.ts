import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Counts } from './counts.ts';

/** The S3 sink in its own process. */
export interface Sink {
  readonly endpoint: string;
  /** The same with TLS; absent without a certificate. */
  readonly secureEndpoint: string | undefined;
  readonly pid: number;
  counts(): Promise<Counts>;
  forgetCounts(): Promise<void>;
  /** Removes counts and objects. */
  reset(): Promise<void>;
  /** Sets whether bodies above 1 MiB are kept in memory from now on. */
  keep(isKept: boolean): Promise<void>;
  stop(): Promise<void>;
}

/** @param certificate the files of a certificate and its key, to listen with TLS too */
export async function startSink(certificate: readonly string[] = []): Promise<Sink> {
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL('main.ts', import.meta.url)), ...certificate],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  const [line] = (await Promise.race([
    once(createInterface(child.stdout), 'line'),
    once(child, 'exit').then(([code]) => {
      throw new Error(`the sink ended with ${String(code)}`);
    }),
  ])) as [string];
  const [port, securePort] = line.split(' ');
  const endpoint = `http://127.0.0.1:${port}`;
  const control = async (what: string): Promise<unknown> =>
    (await fetch(`${endpoint}/-/${what}`)).json();
  return {
    endpoint,
    secureEndpoint: securePort === undefined ? undefined : `https://127.0.0.1:${securePort}`,
    pid: child.pid ?? -1,
    counts: async () => (await control('counts')) as Counts,
    forgetCounts: async () => void (await control('forget-counts')),
    reset: async () => void (await control('reset')),
    keep: async (isKept) => void (await control(isKept ? 'keep' : 'discard')),
    async stop() {
      if (child.exitCode !== null) return;
      const exited = once(child, 'exit');
      child.stdin.end();
      await exited;
    },
  };
}
