import { type RunningCli, startStowage } from '../cli.ts';
import { BUCKET, cephPlace, directoryPlace, type Place } from './place.ts';

/** Where sets are kept and who runs the functions: the three ways in which the whole story is told. */
export interface Deployment {
  readonly name: string;
  readonly functions: 'inline' | 'events';
  start(): Promise<Place>;
  /** Starts whoever runs the functions for a root; undefined where the command line does. */
  serve(place: Place, config: string, root: string): Promise<RunningCli | undefined>;
}

export const directory: Deployment = {
  name: 'a directory, functions inline',
  functions: 'inline',
  start: directoryPlace,
  serve: () => Promise.resolve(undefined),
};

export const cephWithEvents: Deployment = {
  name: 'Ceph RGW, its bucket notifications pushed into `stowage serve`',
  functions: 'events',
  start: cephPlace,
  // A sweep an hour from now: whatever happens meanwhile, events made it happen.
  async serve(place, config, root) {
    const { server, url } = await startServe(place, config, 3600);
    const prefix = root.slice(`s3://${BUCKET}/`.length);
    await place.ceph?.subscribe(BUCKET, `${url}/events`, { prefix: `${prefix}/` });
    return server;
  },
};

export const cephWithoutEvents: Deployment = {
  name: 'Ceph RGW, notifications off, the sweeper of `stowage serve` alone',
  functions: 'events',
  start: cephPlace,
  serve: async (place, config) => (await startServe(place, config, 2)).server,
};

/** `stowage serve` on a port of its own. */
export async function startServe(place: Place, config: string, sweepSeconds: number) {
  const args = ['serve', '--port', '0', '--sweep', String(sweepSeconds)];
  const server = startStowage(args, { config, env: place.env });
  const { url } = await server.waitForEvent('serving');
  return { server, url: String(url) };
}
