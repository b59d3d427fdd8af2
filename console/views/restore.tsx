import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { IDENTITY } from '../../backup-set/messages/identity-place.ts';
import type { ConsoleSet, OneSet, Overview } from '../../functions/serve/console/api.ts';
import { apiAddress, useApi } from '../base/api.ts';
import { bytes, instantOf, localTime } from '../base/format.ts';
import { measured } from '../base/measure.ts';
import type { Route } from '../base/route.ts';
import { misfitOf, type RestoreChoice, restoreLine } from '../command/restore-line.ts';
import { Choice } from '../parts/choice.tsx';
import { Chip, Command, FailureBox } from '../parts/pieces.tsx';
import { AskSection } from './ask.tsx';
import { TableChoice } from './table-choice.tsx';

const FLAGS = [
  ['--no-owner', 'The role that restores owns all objects'],
  ['--globals', 'Roles and tablespaces first'],
  ['--no-acl', 'No GRANT and no REVOKE'],
  ['--verify', 'Read and compare the whole set first'],
  ['--no-count', 'Do not count the rows at the end'],
  ['--allow-missing', 'A success also when objects could not be restored'],
] as const;
const RESIZE = ['--resize', 'Load through the coordinator'] as const;

const MODES = {
  fill: 'Into empty or missing tables',
  create: 'Create the databases',
  truncate: 'Replace the rows',
} as const;
const PARTS = {
  all: 'Everything',
  'data-only': 'Rows only',
  'schema-only': 'Definitions only',
} as const;

interface Chosen {
  readonly database: string;
  readonly mode: RestoreChoice['mode'];
  readonly parts: RestoreChoice['parts'];
  readonly flags: readonly string[];
  readonly workers: string;
  readonly tables: readonly number[];
}

const NOTHING: Chosen = {
  database: '',
  mode: 'fill',
  parts: 'all',
  flags: [],
  workers: '',
  tables: [],
};

/** A restore, clicked together: it ends as a command line, which an operator runs. */
export function RestorePage({
  route,
  overview,
}: {
  readonly route: Route;
  readonly overview: Overview;
}) {
  const sets = overview.sets.filter(
    ({ state, expiredSince, sealedAt }) =>
      state !== 'damaged' && expiredSince === undefined && sealedAt !== undefined,
  );
  const [timestamp, setTimestamp] = useState(route.query.get('set') ?? sets[0]?.timestamp ?? '');
  const set = sets.find((candidate) => candidate.timestamp === timestamp);
  const [chosen, setChosen] = useState(NOTHING);
  const { value: opened, failure } = useApi<OneSet>(
    set && apiAddress(route.root, `sets/${set.timestamp}`),
    () => undefined,
  );
  const change = (changes: Partial<Chosen>, at: number) => {
    setChosen({ ...chosen, ...changes });
    measured('restore', at);
  };
  if (sets.length === 0)
    return (
      <div class="page">
        <h1>Restore</h1>
        <p class="calm">There is no complete set to restore.</p>
      </div>
    );
  return (
    <div class="page">
      <h1>Restore</h1>
      <div class="twocolumns form">
        <div>
          <label class="field">
            <span>Set</span>
            <select
              value={timestamp}
              onChange={(event) => {
                setTimestamp(event.currentTarget.value);
                setChosen({ ...chosen, tables: [] });
              }}
            >
              {set === undefined && <option value={timestamp}>{timestamp}: not complete</option>}
              {sets.map((one) => (
                <option key={one.timestamp} value={one.timestamp}>
                  {localTime(new Date(instantOf(one.timestamp)))} {one.database} (
                  {bytes(one.storedBytes)})
                </option>
              ))}
            </select>
          </label>
          <label class="field">
            <span>Target database</span>
            <input
              type="text"
              autocomplete="off"
              spellcheck={false}
              placeholder={set?.database}
              value={chosen.database}
              onInput={(event) => change({ database: event.currentTarget.value }, event.timeStamp)}
            />
          </label>
          <Field title="How">
            <Choice
              label="How"
              options={MODES}
              value={chosen.mode}
              onChange={(mode, at) => change({ mode }, at)}
            />
          </Field>
          <Field title="What">
            <Choice
              label="What"
              options={PARTS}
              value={chosen.parts}
              onChange={(parts, at) => change({ parts }, at)}
            />
          </Field>
          <Options set={set} chosen={chosen} change={change} />
        </div>
        <div>
          {failure && <FailureBox failure={failure} />}
          {opened && (
            <TableChoice
              set={opened}
              chosen={chosen.tables}
              onChange={(tables, at) => change({ tables }, at)}
            />
          )}
        </div>
      </div>
      {set && <Lines overview={overview} set={set} opened={opened} chosen={chosen} />}
    </div>
  );
}

function Field({
  title,
  children,
}: {
  readonly title: string;
  readonly children: ComponentChildren;
}) {
  return (
    <div class="field">
      <span>{title}</span>
      {children}
    </div>
  );
}

function Options({
  set,
  chosen,
  change,
}: {
  readonly set: ConsoleSet | undefined;
  readonly chosen: Chosen;
  readonly change: (changes: Partial<Chosen>, at: number) => void;
}) {
  const flags = set?.flavour === 'greenplum' ? [...FLAGS, RESIZE] : FLAGS;
  return (
    <Field title="Options">
      <div class="options">
        {flags.map(([flag, meaning]) => (
          <label key={flag}>
            <input
              type="checkbox"
              checked={chosen.flags.includes(flag)}
              onChange={({ currentTarget, timeStamp }) => {
                const others = chosen.flags.filter((other) => other !== flag);
                change({ flags: currentTarget.checked ? [...others, flag] : others }, timeStamp);
              }}
            />
            <span>
              {meaning} <code>{flag}</code>
            </span>
          </label>
        ))}
        <label>
          <input
            type="number"
            min={1}
            max={64}
            placeholder="4"
            value={chosen.workers}
            onInput={(event) => change({ workers: event.currentTarget.value }, event.timeStamp)}
          />
          <span>
            connections per segment <code>--workers</code>
          </span>
        </label>
      </div>
    </Field>
  );
}

function Lines({
  overview: { root },
  set,
  opened,
  chosen,
}: {
  readonly overview: Overview;
  readonly set: ConsoleSet;
  readonly opened: OneSet | undefined;
  readonly chosen: Chosen;
}) {
  const workers = Number(chosen.workers);
  const choice = {
    set: set.timestamp,
    root,
    mode: chosen.mode,
    database: chosen.database,
    parts: chosen.parts,
    flags: chosen.flags,
    workers: Number.isInteger(workers) && workers >= 1 && workers <= 64 ? workers : undefined,
    encrypted: set.encrypted === true,
    tables: chosen.tables.map((table) => ({
      schema: opened?.tables.schemas[opened.tables.schema[table] ?? 0] ?? '',
      name: opened?.tables.name[table] ?? '',
    })),
  };
  const misfit = misfitOf({ ...choice, dryRun: false });
  if (misfit !== undefined)
    return (
      <section class="lines" aria-labelledby="line">
        <h2 id="line">Command line</h2>
        <p class="failure" role="status">
          {misfit}
        </p>
      </section>
    );
  return (
    <section class="lines" aria-labelledby="line">
      <div class="sectionhead">
        <h2 id="line">Command line</h2>
        {set.usesDamaged.length > 0 && (
          <Chip state="warning" text="the set may use damaged packs" />
        )}
        <span class="muted">Run it where stowage.yaml of the target is.</span>
      </div>
      <p class="step">First look: it changes nothing and says what the target lacks.</p>
      <Command line={restoreLine({ ...choice, dryRun: true })} />
      <p class="step">Then restore.</p>
      <Command line={restoreLine({ ...choice, dryRun: false })} />
      {set.encrypted === true && (
        <p class="step">
          The set is encrypted: put the file of an identity in place of <code>{IDENTITY}</code>.
          Leave the flag out where <code>encryption.identityFile</code> is configured
          (docs/encryption.md).
        </p>
      )}
      {root.id === 0 && opened !== undefined && (
        <AskSection ask={askOf(choice, opened)} database={set.database} />
      )}
    </section>
  );
}

/** The same choice, as the server takes it. */
function askOf(
  { set, mode, database, tables, parts, flags, workers }: Omit<RestoreChoice, 'dryRun'>,
  { manifestSha256 }: OneSet,
) {
  return {
    ...{ timestamp: set, manifestSha256, mode, tables, parts, flags },
    ...(database !== undefined && database !== '' && { database }),
    ...(workers !== undefined && { workers }),
  };
}
