import type { StoreFacts, StoreResult } from '../../infra/docs/stores.ts';
import type { ObjectStore } from '../../storage/store.ts';
import type { FaultyProxy } from '../support/servers/faulty-proxy.ts';
import type { EventsReceiver } from '../support/stores/events-receiver.ts';
import type { StoreDefinition, StoreServer } from '../support/stores/store-server.ts';

/** A server that runs, for the parts of the suite. */
export interface Running {
  readonly definition: StoreDefinition;
  server(): StoreServer;
  receiver(): EventsReceiver;
  /** What the tests have measured. */
  readonly found: { -readonly [K in keyof StoreFacts]?: StoreFacts[K] };
  /** The tests so far. */
  counted(): StoreResult['suite'];
}

/** A bucket behind a proxy that injects faults. */
export interface Hostile {
  /** With all rights. */
  owner(): ObjectStore;
  shipper(): ObjectStore;
  proxy(): FaultyProxy;
}
