import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WireFault } from '../plan.ts';

/** A TCP proxy in front of one PostgreSQL server. It injects one list of faults at a time. */
export interface WireProxy {
  readonly port: number;
  /** Sessions that have begun since `arm`. */
  sessions(): number;
  /** Counts sessions from 0 again. `onFired` is called once for each fault that takes effect. */
  arm(faults: readonly WireFault[], onFired: (fault: WireFault, session: string) => void): void;
  /** No faults any more; sessions that a fault holds are closed on both sides. */
  heal(): void;
  stop(): Promise<void>;
}

interface Relay {
  readonly number: number;
  readonly client: Socket;
  readonly server: Socket;
  readonly faults: readonly WireFault[];
  readonly fired: (fault: WireFault) => void;
  stalled: boolean;
}

/** The protocol's number in a request for TLS or a cancellation, in place of a start. */
const NO_STARTUP_FROM = 1234 << 16;

export async function startWireProxy(serverPort: number): Promise<WireProxy> {
  const open = new Set<Relay>();
  let faults: readonly WireFault[] = [];
  let onFired: Parameters<WireProxy['arm']>[1] = () => undefined;
  let sessions = 0;
  const listener = createServer({ allowHalfOpen: true }, (client) => {
    const number = sessions;
    sessions += 1;
    const mine = faults.filter(({ session }) => session === number);
    const report = onFired;
    let name = 'unknown';
    const fired = (fault: WireFault) => report(fault, name);
    client.on('error', () => undefined);
    const refused = mine.find(({ kind }) => kind === 'refuse');
    if (refused !== undefined) {
      client.resetAndDestroy();
      fired(refused);
      return;
    }
    const server = connect({ host: '127.0.0.1', port: serverPort, allowHalfOpen: true });
    const relay: Relay = { number, client, server, faults: mine, fired, stalled: false };
    open.add(relay);
    client.prependListener('data', (bytes: Buffer) => {
      if (name === 'unknown') name = applicationName(bytes) ?? name;
    });
    forward(relay, 'to-server');
    forward(relay, 'to-client');
    const closed = () => {
      if (client.destroyed && server.destroyed) open.delete(relay);
    };
    client.on('close', closed);
    server.on('close', closed);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  return {
    port: (listener.address() as { port: number }).port,
    sessions: () => sessions,
    arm(next, report) {
      [faults, onFired, sessions] = [next, report, 0];
    },
    heal() {
      faults = [];
      for (const relay of open) if (relay.stalled) destroy(relay);
    },
    async stop() {
      for (const relay of open) destroy(relay);
      listener.close();
      await once(listener, 'close');
    },
  };
}

function destroy({ client, server }: Relay): void {
  client.resetAndDestroy();
  server.resetAndDestroy();
}

/** Copies one direction of a session and injects the faults of this direction. */
function forward(relay: Relay, direction: WireFault['direction']): void {
  const [from, to] =
    direction === 'to-server' ? [relay.client, relay.server] : [relay.server, relay.client];
  let waiting = relay.faults.filter((fault) => fault.direction === direction);
  let [bytes, delayMs, dribbling] = [0, 0, 0];
  let queue = Promise.resolve();
  // In order, also the end of the connection after its last bytes.
  const inTurn = (act: () => void) => {
    if (delayMs === 0) return act();
    const ms = delayMs;
    queue = queue.then(() => sleep(ms)).then(act);
  };
  const write = (chunk: Buffer) => {
    if (relay.stalled || to.destroyed || chunk.length === 0) return;
    if (dribbling > 0) {
      dribbling -= 1;
      for (const byte of chunk.subarray(0, 64)) to.write(Buffer.of(byte));
      to.write(chunk.subarray(64));
      return;
    }
    if (!to.write(chunk)) {
      from.pause();
      to.once('drain', () => relay.stalled || from.resume());
    }
  };
  const act = (fault: WireFault, chunk: Buffer, at: number): Buffer => {
    relay.fired(fault);
    const before = chunk.subarray(0, at);
    switch (fault.kind) {
      case 'cut':
        write(before);
        setTimeout(() => destroy(relay), 5);
        relay.stalled = true;
        return Buffer.alloc(0);
      case 'end':
        write(before);
        relay.stalled = true;
        to.end();
        from.destroy();
        return Buffer.alloc(0);
      case 'stall':
        write(before);
        relay.stalled = true;
        relay.client.pause();
        relay.server.pause();
        return Buffer.alloc(0);
      case 'pause':
        from.pause();
        setTimeout(() => relay.stalled || from.resume(), fault.ms);
        return chunk;
      case 'slow':
        delayMs = fault.ms;
        return chunk;
      case 'dribble':
        dribbling = 20;
        return chunk;
      case 'flip':
        chunk[at] = (chunk[at] ?? 0) ^ 1;
        return chunk;
      case 'refuse':
        return chunk;
    }
  };
  from.on('data', (chunk: Buffer) => {
    let left = chunk;
    for (const fault of waiting) {
      if (fault.afterBytes >= bytes + chunk.length) continue;
      waiting = waiting.filter((other) => other !== fault);
      left = act(fault, left, Math.max(0, fault.afterBytes - bytes));
    }
    bytes += chunk.length;
    inTurn(() => write(left));
  });
  from.on('end', () => inTurn(() => relay.stalled || to.end()));
  from.on('error', () => relay.stalled || to.destroy());
  from.on('close', () => inTurn(() => relay.stalled || to.destroySoon()));
}

/** From the startup message; undefined when these bytes are none. */
function applicationName(bytes: Buffer): string | undefined {
  if (bytes.length < 8 || bytes.readInt32BE(4) >= NO_STARTUP_FROM) return undefined;
  const words = bytes.subarray(8).toString('latin1').split('\0');
  const at = words.indexOf('application_name');
  return at === -1 ? 'unnamed' : words[at + 1];
}
