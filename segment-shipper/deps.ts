import type { Logger } from 'pino';
import type { Sealing } from '../frame/seal/sealing.ts';
import type { SetKeys } from '../frame/seal/set-keys.ts';
import type { ObjectStore } from '../storage/store.ts';
import type { Throttle } from '../storage/wrapped/throttled-reads.ts';
import type { Report } from './protocol/control.ts';

/** Everything that a shipper uses outside itself. */
export interface ShipperDeps {
  readonly store: ObjectStore;
  readonly clock: () => Date;
  readonly log: Logger;
  readonly report: (report: Report) => void;
  readonly progress: Progress;
  /** Called before bytes go to the store. A restore's store throttles its reads by itself. */
  readonly throttle: Throttle;
  readonly signal: AbortSignal;
  /** Of a backup whose set is encrypted. */
  readonly sealing?: Sealing | undefined;
  /** Of a restore whose set is encrypted: the keys of the contents that it reads. */
  readonly keys?: SetKeys | undefined;
}

/** Objects that are made. Bytes: of the rows that making them reads, where that is known. */
export interface ObjectsProgress {
  readonly done: number;
  readonly planned: number;
  readonly bytesDone?: number;
  readonly bytesPlanned?: number;
}

/** Running totals, reported about twice a second. */
export interface Progress {
  rows: number;
  bytes: number;
  storedBytes: number;
  /** Relations that a restore has loaded and committed. */
  relationsLoaded: number;
  /** Of the order under way: schema objects that are made, or tables that are analyzed. */
  objects: ObjectsProgress | undefined;
  /** Names of the relations, or keys of the objects, under way; the oldest first. */
  readonly underWay: string[];
}

export function noProgress(): Progress {
  return {
    rows: 0,
    bytes: 0,
    storedBytes: 0,
    relationsLoaded: 0,
    objects: undefined,
    underWay: [],
  };
}

/** Lists `name` as under way until it is disposed. */
export function showUnderWay({ underWay }: Progress, name: string): Disposable {
  underWay.push(name);
  return { [Symbol.dispose]: () => void underWay.splice(underWay.indexOf(name), 1) };
}

/** For `SessionOptions.onSilence`: the coordinator prints the note, an agent logs it. */
export function silenceNote({ report, log }: ShipperDeps): (note: string) => void {
  return (message) => {
    log.warn(message);
    report({ type: 'silent', message });
  };
}
