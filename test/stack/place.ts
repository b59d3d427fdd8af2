import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '../../storage/open.ts';
import type { Place } from '../support/e2e-place.ts';
import { type Emulator, startEmulator } from '../support/emulator.ts';
import { deployStack, type Packaged, packageStack, type Stack } from '../support/emulator-stack.ts';

/** A deployed stack, and what the command line needs to keep sets in its bucket. */
export interface StackPlace extends Place {
  readonly emulator: Emulator;
  readonly packaged: Packaged;
  readonly stack: Stack;
}

/** Starts the emulator and deploys what `npm run package` made. The root has a prefix, as where several share a bucket. */
export async function stackPlace(parameters: Readonly<Record<string, string>> = {}): Promise<StackPlace> {
  const [emulator, packaged] = await Promise.all([startEmulator(), packageStack()]);
  Object.assign(process.env, emulator.env);
  const folder = await mkdtemp(join(tmpdir(), 'stowage-stack-'));
  const stop = async () => {
    await emulator.stop();
    await packaged.remove();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const id = randomUUID().slice(0, 8);
    const stack = await deployStack(emulator, packaged, {
      name: `stowage-${id}`,
      parameters: { BucketName: `stowage-test-${id}`, RootPrefix: 'clusters/shop/', ...parameters },
    });
    const storage = { endpoint: emulator.endpoint, region: emulator.region };
    return {
      folder,
      storage,
      env: emulator.env,
      emulator,
      packaged,
      stack,
      newRoot: () => stack.root,
      open: (root) => openStore({ root, s3: storage }),
      stop,
    };
  } catch (error) {
    const said = await emulator.log();
    await stop();
    throw new Error(`the stack was not deployed:\n${said.slice(-4000)}`, { cause: error });
  }
}
