import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { startEmulator } from '../emulator/emulator.ts';
import type { StoreDefinition } from './store-server.ts';

const PACKAGES = resolve(import.meta.dirname, '../../../infra/setup/packages/emulator.txt');
const [, version = 'unknown'] = /^ministack==(\S+)$/m.exec(readFileSync(PACKAGES, 'utf8')) ?? [];

/** The emulator of AWS on which the stack is tested. Its objects are in memory. */
export const ministack: StoreDefinition = {
  id: 'ministack',
  name: 'MiniStack',
  version,
  createsAtomically: true,
  // It has them only when it enforces the policies of all its services, as in test/stack.
  hasWriteOnlyUsers: false,
  checksKeys: false,
  events: 'not tried',
  objectMayBeFolder: true,
  segmentBytesMax: 900,
  async start() {
    const emulator = await startEmulator();
    return {
      endpoint: emulator.endpoint,
      keys: {
        accessKeyId: emulator.env['AWS_ACCESS_KEY_ID'] ?? '',
        secretAccessKey: emulator.env['AWS_SECRET_ACCESS_KEY'] ?? '',
      },
      writeOnlyKeys: () => Promise.reject(new Error('MiniStack has no users here')),
      stop: () => emulator.stop(),
    };
  },
};
