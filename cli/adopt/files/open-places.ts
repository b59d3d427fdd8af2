import { storeSettings } from '../../config/config.ts';
import type { Config } from '../../config/schema.ts';
import { filesOfBucket } from './bucket.ts';
import { filesOfFolder } from './folder.ts';
import type { SourceFiles } from './source-files.ts';

/** Runs `work` on the files of the places that a user names, and closes them also after a failure. */
export async function withPlaces<T>(
  config: Config,
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

/** A folder, or `s3://bucket/prefix` on the server of the root (`storage` in the configuration). */
async function openPlace(config: Config, place: string): Promise<SourceFiles> {
  if (place.startsWith('s3://')) return filesOfBucket(storeSettings(config, place));
  return filesOfFolder(place);
}
