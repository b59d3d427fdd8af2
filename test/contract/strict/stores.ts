import dns from 'node:dns';
import { vi } from 'vitest';
import { openStore } from '../../../storage/open.ts';
import type { StoreSettings } from '../../../storage/settings.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import type { StrictS3 } from '../../support/servers/strict-s3/strict-s3.ts';
import { PART_BYTES } from '../subjects.ts';

export const READER = 'reader';
/** May create objects and nothing else, as a shipper. */
export const SHIPPER = 'shipper';

/** Keys for everything that is opened from now on, as a process gets them. */
export function useKeys(accessKeyId: string): void {
  process.env['AWS_ACCESS_KEY_ID'] = accessKeyId;
  process.env['AWS_SECRET_ACCESS_KEY'] = 'secret';
}

export function openStrict(
  strict: StrictS3,
  s3: StoreSettings['s3'] = {},
  folder = 'root',
): Promise<ObjectStore> {
  const settings = { endpoint: strict.endpoint, partBytes: PART_BYTES, attemptsMax: 3, ...s3 };
  return openStore({ root: `${strict.root}/${folder}`, s3: settings });
}

/** A store on AWS, as far as its client knows: a name of AWS that is resolved to the server. */
export async function openAsAws(
  strict: StrictS3,
  s3: StoreSettings['s3'] = {},
  folder = 'root',
): Promise<ObjectStore & AsyncDisposable> {
  const { port } = new URL(strict.endpoint);
  const spy = vi.spyOn(dns, 'lookup').mockImplementation(((
    _: string,
    { all }: { all?: boolean },
    found: (error: null, address: unknown, family?: number) => void,
  ) => {
    if (all === true) found(null, [{ address: '127.0.0.1', family: 4 }]);
    else found(null, '127.0.0.1', 4);
  }) as typeof dns.lookup);
  const endpoint = `http://s3.amazonaws.com:${port}`;
  const settings = { endpoint, region: 'us-east-1', forcePathStyle: true, ...s3 };
  const store = await openStrict(strict, settings, folder);
  return Object.assign(store, {
    async [Symbol.asyncDispose]() {
      await store.close();
      spy.mockRestore();
    },
  });
}
