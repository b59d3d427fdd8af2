import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encode } from '../../../backup-set/base/document.ts';
import { RestoreRequest } from '../../../backup-set/documents/restore/restore.ts';
import { restoreCase } from '../../../backup-set/testing/restores.ts';
import type { HeldKeys } from '../held.ts';
import { requireOwnRequest, withRequestMac } from './request-mac.ts';

const keys = { setKey: Buffer.alloc(32, 1) } as unknown as HeldKeys;
const key = 'restores/request.json';
const stored = (request: RestoreRequest) => ({ key, bytes: encode(RestoreRequest, request) });

test('a resume accepts the request that the first restore stored, and no changed one', () => {
  fc.assert(
    fc.property(restoreCase, ({ request }) => {
      const own = withRequestMac(request, keys);
      expect(() => requireOwnRequest(stored(own), keys)).not.toThrow();
      const changed = stored({ ...own, noOwner: !own.noOwner });
      expect(() => requireOwnRequest(changed, keys)).toThrow('its mac differs');
      const another = withRequestMac(request, { setKey: Buffer.alloc(32, 2) });
      expect(() => requireOwnRequest(stored(another), keys)).toThrow('its mac differs');
      expect(() => requireOwnRequest(stored(request), keys)).toThrow('it has no mac');
    }),
    { numRuns: 30 },
  );
});

test('the request of a restore of a plain set has no mac, and is resumed without one', () => {
  fc.assert(
    fc.property(restoreCase, ({ request }) => {
      expect(withRequestMac(request, undefined)).toBe(request);
      expect(() => requireOwnRequest(stored(request), undefined)).not.toThrow();
    }),
    { numRuns: 5 },
  );
});
