import { type RunningCli, startStowage } from '../cli.ts';
import { BUCKET, cephPlace, directoryPlace, type Place } from './place.ts';

/** A store, and the process that runs the functions: the round trip is tested on each of these. */
export interface Deployment {
  readonly name: string;
  readonly functions: 'inline' | 'events';
  start(): Promise<Place>;
  /** Starts `stowage serve` for a root; undefined where the command line runs the functions. */
  serve(place: Place, config: string, root: string): Promise<RunningCli | undefined>;
}

export const directory: Deployment = {
  name: 'with a directory store and inline functions',
  functions: 'inline',
  start: directoryPlace,
  serve: () => Promise.resolve(undefined),
};

export const cephWithEvents: Deployment = {
  name: 'with Ceph RGW, whose bucket notifications go to `stowage serve`',
  functions: 'events',
  start: cephPlace,
  // No sweep within an hour: only events can start the functions.
  async serve(place, config, root) {
    const { server, url } = await startServe(place, config, 3600);
    const prefix = root.slice(`s3://${BUCKET}/`.length);
    await place.ceph?.subscribe(BUCKET, `${url}/events`, { prefix: `${prefix}/` });
    return server;
  },
};

export const cephWithoutEvents: Deployment = {
  name: 'with Ceph RGW and the sweeper of `stowage serve`, without notifications',
  functions: 'events',
  start: cephPlace,
  serve: async (place, config) => (await startServe(place, config, 1)).server,
};

/** Starts `stowage serve` on a free port. */
export async function startServe(place: Place, config: string, sweepSeconds: number) {
  const args = ['serve', '--port', '0', '--sweep', String(sweepSeconds)];
  const server = startStowage(args, { config, env: place.env });
  const { url } = await server.waitForEvent('serving');
  return { server, url: String(url) };
}
