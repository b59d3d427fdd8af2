import { type Random, randomFrom } from '../random.ts';

/** The command during which a fault is injected. */
export type Phase = 'backup' | 'restore';

/** A fault on one session with a database. Bytes and sessions count from the start of the phase. */
export interface WireFault {
  readonly on: 'wire';
  readonly phase: Phase;
  readonly content: number;
  readonly kind: 'cut' | 'end' | 'stall' | 'pause' | 'slow' | 'dribble' | 'refuse' | 'flip';
  readonly session: number;
  readonly direction: 'to-server' | 'to-client';
  readonly afterBytes: number;
  readonly ms: number;
}

/** A fault on requests to S3, from request number `nth` of this phase. */
export interface StoreFault {
  readonly on: 'store';
  readonly phase: Phase;
  readonly kind:
    | 'slow-down'
    | 'server-error'
    | 'reset-request'
    | 'cut-request'
    | 'drop-response'
    | 'reset-body'
    | 'stall-body'
    | 'stall-request'
    | 'delay';
  readonly method: 'any' | 'PUT' | 'POST' | 'GET';
  readonly nth: number;
  readonly times: number;
  readonly afterBytes: number;
  readonly ms: number;
}

/**
 * A moment that does not depend on the speed of the machine: so many sessions with the databases
 * have begun in this phase, and then a little later.
 */
export interface Moment {
  readonly afterSessions: number;
  readonly afterMs: number;
}

/** A signal to a process. */
export interface ProcessFault extends Moment {
  readonly on: 'process';
  readonly phase: Phase;
  readonly target: 'command' | 'shipper' | 'tool' | 'agent';
  /** Which of several processes: 0 is the first, 1 beyond the last. */
  readonly pick: number;
  readonly kind: 'SIGKILL' | 'SIGTERM' | 'SIGINT' | 'SIGHUP';
}

/** Something that happens to a session of ours in a database server. */
export interface BackendFault extends Moment {
  readonly on: 'backend';
  readonly phase: Phase;
  readonly content: number;
  readonly pick: number;
  /** `freeze` stops the backend for `ms`, `crash` kills it: the server then restarts. */
  readonly kind: 'terminate' | 'cancel' | 'freeze' | 'freeze-for-good' | 'crash';
  readonly ms: number;
}

export type Fault = WireFault | StoreFault | ProcessFault | BackendFault;

export type Mode = 'create' | 'truncate' | 'fill';

/** All choices of one run. They follow from the seed alone. */
export interface RunPlan {
  readonly seed: number;
  readonly theme: Theme;
  readonly agents: boolean;
  readonly writers: boolean;
  readonly ddl: boolean;
  /** How long DDL waits for a lock; 0 = without a limit: the backup then gives up. */
  readonly ddlLockTimeoutMs: number;
  readonly packBytes: number;
  readonly workers: number;
  /** One per restore that runs at the same time: its mode, and when it starts. */
  readonly restores: readonly { readonly mode: Mode; readonly afterMs: number }[];
  readonly faults: readonly Fault[];
}

/** Each theme has its share of the seeds: `seed % THEMES.length`. */
export const THEMES = [
  'load only',
  'session cut',
  'session ended early',
  'session slow',
  'session refused',
  'S3 errors',
  'S3 resets',
  'S3 lost answers',
  'S3 stalls',
  'command ended',
  'shipper ended',
  'tool ended',
  'session terminated',
  'server crashed',
  'DDL',
  'concurrent restores',
  'agents',
  'mixed',
  'session stalled',
  'backend frozen',
  'bit flipped',
] as const;
export type Theme = (typeof THEMES)[number];

/** Without TLS nothing notices a flipped bit of a row: these runs are not part of a campaign. */
export const NOT_PROTECTED: ReadonlySet<Theme> = new Set(['bit flipped']);

/** Sessions that a command opens at least, with both servers together. */
const SESSIONS = { backup: 14, restore: 34 };
const AFTER_MS_MAX = 400;
const CONTENTS = [0, 1];

export function planRun(seed: number): RunPlan {
  const random = randomFrom(Math.imul(seed + 1, 0x9e3779b1));
  const theme = THEMES[seed % THEMES.length] ?? 'load only';
  const crashes = theme === 'server crashed';
  const faults = faultsOf(theme, random);
  return {
    seed,
    theme,
    faults,
    agents: theme === 'agents' || (theme !== 'shipper ended' && random.chance(0.1)),
    // A crash between the two commits of a transfer would break the sum in the source itself.
    writers: !crashes && random.chance(0.6),
    ddl: theme === 'DDL' || (!crashes && random.chance(0.2)),
    ddlLockTimeoutMs: seed % 2 === 0 ? 0 : 200,
    packBytes: random.pick([256 * 1024, 2 ** 20, 64 * 2 ** 20]),
    workers: 1 + random.below(3),
    restores: restoresOf(theme, random),
  };
}

function restoresOf(theme: Theme, random: Random): RunPlan['restores'] {
  const together = theme === 'concurrent restores' || random.chance(0.1);
  const mode = random.pick(['create', 'truncate', 'fill', 'create'] as const);
  const count = together ? 2 + random.below(2) : 1;
  return Array.from({ length: count }, (_, number) => ({
    mode: number > 0 && mode === 'create' ? random.pick(['create', 'truncate']) : mode,
    afterMs: number === 0 ? 0 : random.below(random.pick([50, 2_500])),
  }));
}

function faultsOf(theme: Theme, random: Random): Fault[] {
  const phases = random.pick([['backup'], ['restore'], ['backup', 'restore']] as const);
  return phases.flatMap((phase) => {
    const count = random.pick([1, 1, 2]);
    return Array.from({ length: count }, () => faultOf(theme, phase, random)).flat();
  });
}

function faultOf(theme: Theme, phase: Phase, random: Random): Fault[] {
  switch (theme) {
    case 'load only':
    case 'DDL':
      return [];
    case 'concurrent restores':
      return phase === 'restore' && random.chance(0.5)
        ? faultOf(random.pick(['session cut', 'shipper ended', 'command ended']), phase, random)
        : [];
    case 'session cut':
      return [wire(phase, 'cut', random)];
    case 'session ended early':
      return [wire(phase, 'end', random)];
    case 'session slow':
      return [wire(phase, random.pick(['pause', 'slow', 'dribble']), random)];
    case 'session refused':
      return [wire(phase, 'refuse', random)];
    case 'bit flipped':
      return [wire(phase, 'flip', random)];
    case 'session stalled':
      return [wire(phase, 'stall', random)];
    case 'S3 errors':
      return [store(phase, random.pick(['slow-down', 'server-error', 'delay']), random)];
    case 'S3 resets':
      return [store(phase, random.pick(['reset-request', 'cut-request', 'reset-body']), random)];
    case 'S3 lost answers':
      return [store(phase, 'drop-response', random)];
    case 'S3 stalls':
      return [store(phase, random.pick(['stall-body', 'stall-request']), random)];
    case 'command ended':
      return [signal(phase, 'command', random)];
    case 'shipper ended':
      return [signal(phase, 'shipper', random)];
    case 'tool ended':
      return [signal(phase, 'tool', random)];
    case 'agents':
      return [signal(phase, 'agent', random)];
    case 'session terminated':
      return [backend(phase, random.pick(['terminate', 'terminate', 'cancel', 'freeze']), random)];
    case 'server crashed':
      return [backend(phase, 'crash', random)];
    case 'backend frozen':
      return [backend(phase, 'freeze-for-good', random)];
    case 'mixed':
      return [0, 1].flatMap(() => faultOf(random.pick(MIXED), phase, random));
  }
}

const MIXED = [
  'session cut',
  'session slow',
  'session refused',
  'S3 errors',
  'S3 resets',
  'S3 lost answers',
  'S3 stalls',
  'shipper ended',
  'session terminated',
] as const;

function wire(phase: Phase, kind: WireFault['kind'], random: Random): WireFault {
  const bulk = phase === 'backup' ? 'to-client' : 'to-server';
  return {
    on: 'wire',
    phase,
    kind,
    content: random.pick(CONTENTS),
    session: random.below(phase === 'backup' ? 10 : 20),
    direction: random.chance(0.7) ? bulk : bulk === 'to-client' ? 'to-server' : 'to-client',
    // Small numbers end a session while it starts, large ones among its rows.
    afterBytes: random.below(2 ** (4 + random.below(17))),
    ms: kind === 'slow' ? 2 + random.below(20) : 200 + random.below(3_000),
  };
}

function store(phase: Phase, kind: StoreFault['kind'], random: Random): StoreFault {
  return {
    on: 'store',
    phase,
    kind,
    method: random.pick(['any', 'any', 'PUT', 'POST', 'GET']),
    nth: random.below(random.pick([4, 15, 40])),
    times: random.pick([1, 1, 2, 4, 30]),
    afterBytes: random.below(2 ** (4 + random.below(17))),
    ms: 100 + random.below(1_500),
  };
}

function signal(phase: Phase, target: ProcessFault['target'], random: Random): ProcessFault {
  const rude = random.pick(['SIGKILL', 'SIGTERM'] as const);
  const kind =
    target === 'command' ? random.pick(['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP'] as const) : rude;
  return {
    on: 'process',
    phase,
    target,
    kind,
    ...momentOf(phase, random),
    pick: random.below(1_000) / 1_000,
  };
}

function momentOf(phase: Phase, random: Random): Moment {
  return {
    afterSessions: random.below(SESSIONS[phase] + 1),
    afterMs: random.below(AFTER_MS_MAX),
  };
}

function backend(phase: Phase, kind: BackendFault['kind'], random: Random): BackendFault {
  return {
    on: 'backend',
    phase,
    kind,
    content: random.pick(CONTENTS),
    ...momentOf(phase, random),
    pick: random.below(1_000) / 1_000,
    ms: 200 + random.below(4_000),
  };
}
