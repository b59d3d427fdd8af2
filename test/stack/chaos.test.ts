import { setTimeout as sleep } from 'node:timers/promises';
import { PutBucketNotificationConfigurationCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mapInFlight } from '../../async/each-in-flight.ts';
import { DOCUMENT_BYTES_MAX } from '../../backup-set/base/document.ts';
import { parseKey } from '../../backup-set/base/keys.ts';
import { jobsOf } from '../../functions/events/route.ts';
import { SWEEP } from '../../infra/aws/lanes.mjs';
import type { ObjectStore } from '../../storage/store.ts';
import type { Stored } from '../chaos/chaos-store.ts';
import { bodyFor } from '../chaos/deliveries.ts';
import { violationOfWrite, violationsAtEnd } from '../chaos/invariants.ts';
import { type Random, randomFrom } from '../chaos/random.ts';
import { type StagedSet, stagedSet } from '../chaos/staged-set.ts';
import { childrenOf } from '../support/e2e/processes.ts';
import { invoke, messagesIn, send, setVisibility } from '../support/emulator/calls.ts';
import { withoutEmulator } from '../support/emulator/emulator.ts';
import { clientOptions } from '../support/emulator/stack.ts';
import { REPEATS } from '../support/repeats/repeats.ts';
import { readUntil } from '../support/wait-for.ts';
import { type StackPlace, stackPlace } from './place.ts';

/** Repeats the random choices of a failed run; the timing of the emulator is not repeatable. */
const SEED = Number(process.env['STOWAGE_CHAOS_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const SETS = Number(process.env['STOWAGE_CHAOS_SETS'] ?? (REPEATS ? 60 : 12));
const PREFIX = 'clusters/shop/';
const DRAINED_MS_MAX = 120_000;
/** Possible shares of lost events of a set. */
const LOST = [0.2, 0.6, 1];
const AGAIN = 0.4;
const CORRUPT = 0.15;
const KILLS = 12;
const MANIFEST_MS_MAX = 12_000;

describe.skipIf(withoutEmulator)(
  `the deployed functions under chaos (STOWAGE_CHAOS_SEED=${SEED})`,
  () => {
    const random = randomFrom(SEED);
    const sets = Array.from({ length: SETS }, (_, at) =>
      stagedSet(
        random,
        `2026013112${String(Math.floor(at / 60)).padStart(2, '0')}${String(at % 60).padStart(2, '0')}`,
      ),
    );
    let place: StackPlace;
    let store: ObjectStore;

    beforeAll(async () => {
      place = await stackPlace();
      store = await place.open(place.stack.root);
      // The bucket sends no events, so that every message comes from this test.
      await new S3Client({ ...clientOptions(place.emulator), forcePathStyle: true }).send(
        new PutBucketNotificationConfigurationCommand({
          Bucket: place.stack.bucket,
          NotificationConfiguration: {},
        }),
      );
      for (const url of [place.stack.queueUrls['stitch'], place.stack.queueUrls['validate']])
        await setVisibility(place.emulator, url ?? '', 2);
    });
    afterAll(async () => {
      await store?.close();
      await place?.stop();
    });

    test(`${SETS} concurrent sets are committed though events are lost, repeated, reordered and corrupted, and functions killed`, async () => {
      const storm = Promise.all([mapInFlight(sets, 12, (set) => arrive(set)), killFunctions()]);
      await storm;
      const { queueUrls, functionNames } = place.stack;
      for (const name of ['stitch', 'validate']) {
        const left = () => messagesIn(place.emulator, queueUrls[name] ?? '');
        expect(await readUntil(left, (count) => count === 0, DRAINED_MS_MAX)).toBe(0);
      }
      const before = await seen();
      expect(wrong(before)).toEqual([]);
      const sound = sets.filter(({ status }) => status === 'complete');
      const bySweep = violationsAtEnd({ sets: sound, restore: undefined, objects: before }).length;
      process.stderr.write(
        `chaos on the emulator: of ${sound.length} sound sets, events have seen to ${sound.length - bySweep}\n`,
      );
      expect(violationsAtEnd({ sets, restore: undefined, objects: before })).not.toEqual([]);

      const swept = await invoke(place.emulator, functionNames[SWEEP.name] ?? '', {});
      expect(swept.payload).toMatchObject({ problems: [] });
      const after = await seen();
      expect(wrong(after)).toEqual([]);
      expect(violationsAtEnd({ sets, restore: undefined, objects: after })).toEqual([]);
    });

    /** Writes a set as a backup does, and sends its lost, repeated and corrupted notifications. */
    async function arrive(set: StagedSet): Promise<void> {
      const own: Random = randomFrom(Number(set.timestamp.slice(-6)) ^ SEED);
      const lost = own.pick(LOST);
      const bodies: [queue: string, body: string][] = [];
      for (const { key, bytes } of set.stages.flat()) {
        await store.create(key, bytes);
        const work = jobsOf(key)[0]?.work;
        if (work === undefined || own.chance(lost)) continue;
        const at = { bucket: place.stack.bucket, prefix: PREFIX };
        do bodies.push([work, bodyFor(own, key, CORRUPT, at)]);
        while (own.chance(AGAIN));
        if (own.chance(0.5)) await deliver(own, bodies);
      }
      while (bodies.length > 0) await deliver(own, bodies);
      // Some messages arrive before the manifest exists, as from a slow queue, others after it.
      await sleep(own.below(MANIFEST_MS_MAX));
      for (const key of set.committed.keys())
        if (jobsOf(key).length > 0 && !own.chance(lost))
          bodies.push([
            'validate',
            bodyFor(own, key, CORRUPT, { bucket: place.stack.bucket, prefix: PREFIX }),
          ]);
      while (bodies.length > 0) await deliver(own, bodies);
    }

    async function deliver(own: Random, bodies: [string, string][]): Promise<void> {
      const [one] = bodies.splice(own.below(bodies.length), 1);
      if (one === undefined || one[1] === '') return;
      await send(place.emulator, place.stack.queueUrls[one[0]] ?? '', one[1]);
    }

    /** Functions are child processes of the emulator, which is a child process of this one. */
    async function killFunctions(): Promise<void> {
      let kills = 0;
      await readUntil(
        async () => {
          const [emulator] = (await childrenOf(process.pid)).filter(({ commandLine }) =>
            commandLine.includes('ministack'),
          );
          const functions = emulator === undefined ? [] : await childrenOf(emulator.pid);
          if (functions.length === 0) return kills;
          if (killed(random.pick(functions).pid)) kills += 1;
          return kills;
        },
        (count) => count >= KILLS,
        60_000,
      );
      process.stderr.write(`chaos on the emulator: ${kills} functions killed\n`);
    }

    /** The objects of the sets, with the bytes of those that functions write. */
    async function seen(): Promise<Map<string, Stored>> {
      const objects = await Array.fromAsync(store.list('sets/'));
      const entries = await mapInFlight(
        objects,
        16,
        async ({ key, modifiedAt }): Promise<[string, Stored]> => {
          const bytes = isWritten(key)
            ? await store.read(key, { bytesMax: DOCUMENT_BYTES_MAX })
            : new Uint8Array();
          return [key, { bytes, modifiedAt }];
        },
      );
      return new Map(entries);
    }

    const wrong = (objects: Map<string, Stored>) =>
      [...objects].flatMap(([key, { bytes }]) =>
        isWritten(key)
          ? (violationOfWrite({ sets, restore: undefined, objects }, key, bytes, undefined) ?? [])
          : [],
      );
  },
);

const isWritten = (key: string) => {
  const kind = parseKey(key)?.kind;
  return kind === 'manifest' || kind === 'manifest-part' || kind === 'verdict';
};

/** False when the process has ended by itself since it was listed. */
function killed(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}
