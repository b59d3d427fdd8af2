import { dateOf } from '../../backup-set/base/timestamps.ts';
import { plural } from '../../backup-set/base/words.ts';
import { bytesText, timeText } from './amounts.ts';
import type { Event, EventName } from './events.ts';
import type { SeenSet, SeenVerdict, SetFacts } from './seen-set.ts';

/** What the verdicts before another one have found. */
interface Known {
  readonly status?: SeenVerdict['status'];
  /** Damage that `verify` found holds until a later `verify` finds none. */
  readonly damagedByVerify: boolean;
  readonly warnings: string;
}

/**
 * The events of a set, oldest first. A verdict is one only where it changes what was known: a set
 * can be validated often, and an overdue set gets several verdicts. Pure.
 */
export function eventsOfSet(set: SeenSet): Event[] {
  const events: Event[] = [];
  let known: Known = { damagedByVerify: false, warnings: '' };
  for (const verdict of set.verdicts) {
    for (const name of namesOf(verdict, known)) events.push(eventOf(set, verdict, name));
    known = after(known, verdict);
  }
  return events;
}

const isDrill = ({ level }: SeenVerdict) => level === 'drill';

function after(known: Known, verdict: SeenVerdict): Known {
  if (isDrill(verdict)) return known;
  const { level, status, warnings } = verdict;
  const damagedByVerify = level === 'verify' ? status === 'damaged' : known.damagedByVerify;
  return {
    status: damagedByVerify ? 'damaged' : status,
    damagedByVerify,
    warnings: warnings.length > 0 ? warnings.join('\n') : known.warnings,
  };
}

function* namesOf(verdict: SeenVerdict, known: Known): Generator<EventName> {
  const { level, status, warnings } = verdict;
  if (isDrill(verdict)) {
    yield status === 'complete' ? 'drill-passed' : 'drill-failed';
    return;
  }
  const now = after(known, verdict).status;
  if (now === 'complete' && level === 'verify') yield 'set-verified';
  else if (now !== known.status && now !== undefined) yield `set-${now}` as const;
  if (warnings.length > 0 && warnings.join('\n') !== known.warnings) yield 'set-warnings';
}

function eventOf(
  { timestamp, facts, planned }: SeenSet,
  verdict: SeenVerdict,
  name: EventName,
): Event {
  const { instant, level, status, key } = verdict;
  const lines = name === 'set-warnings' ? verdict.warnings : verdict.problems;
  const total = name === 'set-warnings' ? verdict.warningsTotal : verdict.problemsTotal;
  return {
    id: `${instant}-${name}-${timestamp}`,
    name,
    at: dateOf(instant),
    title: titleOf(name, timestamp, { facts, total, decrypted: verdict.decrypted }),
    problems: lines,
    problemsTotal: total,
    next: NEXT[name]?.replaceAll('SET', timestamp) ?? `stowage show ${timestamp}`,
    cluster: (facts ?? planned)?.cluster,
    database: (facts ?? planned)?.database,
    set: timestamp,
    status,
    level,
    object: key,
    ...(facts && { numbers: numbersOf(facts) }),
    stored: true,
  };
}

const NEXT: Readonly<Partial<Record<EventName, string>>> = {
  'set-incomplete': 'stowage show SET, then stowage backup',
  'set-damaged': 'stowage show SET, then stowage repair SET --from ROOT-OF-A-COPY',
};

function titleOf(
  name: EventName,
  timestamp: string,
  {
    facts,
    total,
    decrypted,
  }: {
    readonly facts: SetFacts | undefined;
    readonly total: number;
    readonly decrypted: boolean | undefined;
  },
): string {
  switch (name) {
    case 'set-complete':
      return `set ${timestamp} is complete${facts ? `: ${amountsOf(facts)}` : ''}`;
    case 'set-verified':
      return decrypted === false
        ? `set ${timestamp} was read again in full, and its checksums are right; no row was decrypted`
        : `set ${timestamp} was read again in full, and is intact`;
    case 'set-warnings':
      return `set ${timestamp} is unusual: ${plural(total, 'warning')}`;
    case 'drill-passed':
      return `set ${timestamp} was restored in a drill`;
    case 'drill-failed':
      return `the drill of set ${timestamp} failed: ${plural(total, 'problem')}`;
    default:
      return `set ${timestamp} is ${name.slice('set-'.length)}: ${plural(total, 'problem')}`;
  }
}

function numbersOf({ tables, rows, bytes, storedBytes, newBytes, ms }: SetFacts) {
  return { tables, rows, bytes, storedBytes, newBytes, ms };
}

function amountsOf(facts: SetFacts): string {
  const { tables, readTables, rows, bytes, storedBytes, newBytes, ms } = facts;
  const read = readTables < tables ? ` (${readTables} read)` : '';
  const fresh = newBytes < storedBytes ? ` (${bytesText(newBytes)} new)` : '';
  return `${plural(tables, 'table')}${read}, ${plural(rows, 'row')}, ${bytesText(bytes)} in ${bytesText(storedBytes)} stored${fresh}, ${timeText(ms)}`;
}
