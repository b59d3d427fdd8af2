import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkBucketSetup } from '../../cli/doctor/bucket.ts';
import { openStore } from '../../storage/open.ts';
import { inspectBucket } from '../../storage/s3/inspect-bucket.ts';
import { stowage, writeConfig } from '../support/cli.ts';
import { withoutEmulator } from '../support/emulator/emulator.ts';
import { type StackPlace, stackPlace } from './place.ts';

describe.skipIf(withoutEmulator)('stowage doctor --deployment', () => {
  let place: StackPlace;

  beforeAll(async () => {
    place = await stackPlace({ bucketOf: 'stack', enforcesPolicies: true });
  });
  afterAll(() => place?.stop());

  test('reports that the deployed function works, from the event of the bucket to the outcome', async () => {
    const config = await writeConfig(join(place.folder, 'doctor.yaml'), {
      root: place.stack.root,
      database: 'places',
      segments: [{ content: 0, host: 'nowhere.invalid' }],
      storage: place.storage,
      functions: 'events',
    });
    const options = { config, env: place.env };
    const { text, code } = await stowage(['doctor', '--deployment', '--wait', '90'], options);
    expect(text).toContain('the test request (a restore of a set that does not exist) was refused');
    expect(code).toBe(0);
  });

  // doctor checks the emulator as it would AWS: it looks for what the template creates.
  test('finds no fault with the bucket that the stack created', async () => {
    const store = await openStore({ root: place.stack.root, s3: place.storage });
    const setup = await inspectBucket(store);
    await store.close();
    if (setup === undefined) throw new Error('a bucket was expected');
    const checks = checkBucketSetup({ ...setup, isAws: true }, 'bucket');
    const wanting = checks
      .filter(({ ok, remark }) => !ok || remark === true)
      .map(({ name }) => name);
    // Object Lock is a parameter, and the emulator's CloudFormation ignores lifecycle rules.
    const ours = wanting.filter((name) => name !== 'Object Lock' && name !== 'unfinished uploads');
    expect(ours).toEqual([]);
    expect(checks).toHaveLength(11);
  });
});
