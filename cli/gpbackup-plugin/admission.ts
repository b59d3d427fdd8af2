import { weighed } from '../../async/each-in-flight.ts';
import type { Place } from './place.ts';

export type Admission = (place: Place, work: (place: Place) => Promise<void>) => Promise<void>;

/**
 * Lets so many uploads run at once: each has buffers. Further calls wait, and their programs with
 * them. The stream with all tables of a segment (`--single-data-file`) never waits: gpbackup copies
 * a table on all segments before the next, so the running streams and it would wait for each other.
 */
export function uploadsAtOnce(uploads: number): Admission {
  const admit = weighed(uploads);
  return (place, work) => {
    const hasAllTables = place.file?.hasRows === true && place.file.oid === undefined;
    return hasAllTables ? work(place) : admit(1, () => work(place));
  };
}
