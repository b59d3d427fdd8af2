import { sshCommand, storeSettings } from '../../config/config.ts';
import type { Config } from '../../config/schema.ts';
import type { ClusterContext } from '../../context.ts';
import { filesOfBucket } from './bucket.ts';
import { filesOfFolder } from './folder.ts';
import { filesOfHost } from './host.ts';
import type { SourceFiles } from './source-files.ts';

/** Runs `work` on the files of these places, and closes them also after a failure. */
export async function withPlaces<T>(
  { config }: Pick<ClusterContext, 'config'>,
  places: readonly string[],
  work: (places: readonly SourceFiles[]) => Promise<T>,
): Promise<T> {
  const opened: SourceFiles[] = [];
  try {
    for (const place of places) opened.push(await openPlace(config, place));
    return await work(opened);
  } finally {
    for (const place of opened) await place.close();
  }
}

/** A folder of another host. A name that starts with a dash would be an option of ssh. */
const ON_HOST = /^([A-Za-z0-9][\w.@-]*|\[[0-9A-Fa-f:.%\w]+\]):(\/.*)$/s;

/**
 * A folder, `HOST:/folder`, or `s3://bucket/prefix` on the server of the root (`storage` in the
 * configuration).
 */
async function openPlace(config: Config, place: string): Promise<SourceFiles> {
  if (place.startsWith('s3://')) return filesOfBucket(storeSettings(config, place));
  const [, host, folder] = ON_HOST.exec(place) ?? [];
  if (host === undefined || folder === undefined) return filesOfFolder(place);
  const command = sshCommand(config, host.replace(/^\[(.*)\]$/, '$1'));
  return filesOfHost({ host, command, silentMsMax: config.stallSeconds * 1000 }, folder);
}
