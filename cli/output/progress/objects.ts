import { duration } from '../format.ts';

/** The part of a segment's progress that is about indexes, constraints and other objects. */
export interface ObjectProgress {
  readonly objectsDone?: number;
  readonly objectsPlanned?: number;
  readonly objectBytesDone?: number;
  readonly objectBytesPlanned?: number;
}

/** Less would be over before the line is read. */
export const LEFT_MS_MIN = 1_000;
/** Objects that are only counted are no measure earlier: indexes differ much in size. */
const OBJECTS_DONE_MIN = 5;
const OBJECTS_SHARE_MIN = 0.1;
/** By the bytes that they read they are comparable. */
const BYTES_SHARE_MIN = 0.05;
const OBJECTS_MS_MIN = 10_000;

/** Which part of its objects a segment has made, by the bytes that making them reads. */
export function objectsShare(segment: ObjectProgress): number | undefined {
  const { objectsDone = 0, objectsPlanned = 0 } = segment;
  const { objectBytesDone = 0, objectBytesPlanned = 0 } = segment;
  if (objectsPlanned === 0) return undefined;
  return objectBytesPlanned === 0
    ? objectsDone / objectsPlanned
    : objectBytesDone / objectBytesPlanned;
}

/** `62% by size`; nothing where the sizes are not known. */
export function sizeShare(segments: readonly ObjectProgress[]): string[] {
  const sum = (of: 'objectBytesDone' | 'objectBytesPlanned') =>
    segments.reduce((total, one) => total + (one[of] ?? 0), 0);
  const planned = sum('objectBytesPlanned');
  return planned === 0 ? [] : [`${Math.floor((sum('objectBytesDone') / planned) * 100)}% by size`];
}

/** The time that the other indexes and constraints need, as long per byte as those made. */
export function objectsLeft(segments: readonly ObjectProgress[], ms: number): string[] {
  const slowest = segments
    .flatMap((segment) => {
      const share = objectsShare(segment);
      return share === undefined ? [] : [{ ...segment, share }];
    })
    .toSorted((a, b) => a.share - b.share)[0];
  if (slowest === undefined) return [];
  const { objectsDone = 0, objectBytesPlanned = 0, share } = slowest;
  const left = (ms / share) * (1 - share);
  const isMeasured =
    objectBytesPlanned > 0
      ? share >= BYTES_SHARE_MIN
      : objectsDone >= OBJECTS_DONE_MIN && share >= OBJECTS_SHARE_MIN;
  return isMeasured && ms >= OBJECTS_MS_MIN && left >= LEFT_MS_MIN
    ? [`about ${duration(left)} left`]
    : [];
}
