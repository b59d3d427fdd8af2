import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stowage, writeConfig } from '../support/cli.ts';
import { withoutEmulator } from '../support/emulator.ts';
import { type StackPlace, stackPlaceInOwnBucket } from './place.ts';

describe.skipIf(withoutEmulator)('stowage doctor --deployment', () => {
  let place: StackPlace;
  let config: string;

  beforeAll(async () => {
    place = await stackPlaceInOwnBucket();
    config = await writeConfig(join(place.folder, 'doctor.yaml'), {
      root: place.stack.root,
      database: 'places',
      segments: [{ content: 0, host: 'nowhere.invalid' }],
      storage: place.storage,
      functions: 'events',
    });
  });
  afterAll(() => place?.stop());

  test('the deployed function answers, from the event of the bucket to the outcome', async () => {
    const { text, code } = await stowage(['doctor', '--deployment', '--wait', '90'], {
      config,
      env: place.env,
    });
    expect(text).toContain('a restore of no set was refused, as it must be');
    expect(text).toContain('sent to EventBridge');
    expect(code).toBe(0);
  });
});
