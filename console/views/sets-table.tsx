import { useState } from 'preact/hooks';
import type { ConsoleSet } from '../../functions/serve/console/api.ts';
import { age, bytes, count, duration, instantOf, localTime, plural } from '../base/format.ts';
import { addressOf } from '../base/route.ts';
import { Chip, isUnfinished, stateOf } from '../parts/pieces.tsx';

const ROWS_SHOWN = 100;

/** All sets, newest first. */
export function SetsTable({
  sets,
  now,
  root,
}: {
  readonly sets: readonly ConsoleSet[];
  readonly now: number;
  readonly root: number;
}) {
  const [shown, setShown] = useState(ROWS_SHOWN);
  const largest = Math.max(1, ...sets.map(({ storedBytes = 0 }) => storedBytes));
  const databases = new Set(sets.map(({ database }) => database)).size;
  if (sets.length === 0) return <p class="calm">No set matches.</p>;
  return (
    <>
      <div class="scroll">
        <table class="sets" onKeyDown={moveFocus}>
          <thead>
            <tr>
              <th scope="col">Set</th>
              <th scope="col">State</th>
              {databases > 1 && <th scope="col">Database</th>}
              <th scope="col" class="number wide">
                Segments
              </th>
              <th scope="col" class="number wide">
                Tables
              </th>
              <th scope="col" class="number wide">
                Rows
              </th>
              <th scope="col" class="number">
                Total
              </th>
              <th scope="col" class="number">
                New
              </th>
              <th scope="col" class="wide" aria-label="Share that is new" />
              <th scope="col" class="number wide">
                Took
              </th>
              <th scope="col" class="number wide">
                Checked
              </th>
              <th scope="col" class="wide">
                Notes
              </th>
            </tr>
          </thead>
          <tbody>
            {sets.slice(0, shown).map((set) => (
              <Row
                key={set.timestamp}
                {...{ set, now, root, largest }}
                hasDatabase={databases > 1}
              />
            ))}
          </tbody>
        </table>
      </div>
      {sets.length > shown && (
        <button type="button" onClick={() => setShown(shown + ROWS_SHOWN)}>
          Show {count(Math.min(ROWS_SHOWN, sets.length - shown))} older sets
        </button>
      )}
    </>
  );
}

function Row({
  set,
  now,
  root,
  largest,
  hasDatabase,
}: {
  readonly set: ConsoleSet;
  readonly now: number;
  readonly root: number;
  readonly largest: number;
  readonly hasDatabase: boolean;
}) {
  const { timestamp, storedBytes, newBytes, startedAt, sealedAt, checked } = set;
  const path = isUnfinished(set) ? ['running', 'backup', timestamp] : ['set', timestamp];
  const took =
    startedAt === undefined || sealedAt === undefined
      ? undefined
      : Date.parse(sealedAt) - Date.parse(startedAt);
  return (
    <tr>
      <th scope="row">
        <a href={addressOf(root, path)} title={`${timestamp} (UTC)`}>
          {localTime(new Date(instantOf(timestamp)))}
        </a>
        <span class="muted ago">{age(now - instantOf(timestamp))}</span>
      </th>
      <td>
        <Chip state={stateOf(set)} />
      </td>
      {hasDatabase && <td>{set.database}</td>}
      <td class="number wide">{count(set.contents)}</td>
      <td class="number wide">{count(set.relations)}</td>
      <td class="number wide">{count(set.rows)}</td>
      <td class="number">{bytes(storedBytes)}</td>
      <td class="number">{bytes(newBytes)}</td>
      <td class="wide">
        {storedBytes !== undefined && (
          <Sizes share={storedBytes / largest} isNew={(newBytes ?? 0) / largest} />
        )}
      </td>
      <td class="number wide">{took === undefined ? '–' : duration(took)}</td>
      <td class="number wide" title={checked && `${checked.level} at ${localTime(checked.at)}`}>
        {checked === undefined ? '–' : `${checked.level} ${age(now - Date.parse(checked.at))}`}
      </td>
      <td class="wide notes">{notesOf(set)}</td>
    </tr>
  );
}

/** Total and new bytes, on the scale of the largest set. */
function Sizes({ share, isNew }: { readonly share: number; readonly isNew: number }) {
  return (
    <svg class="sizes" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
      <rect class="total" width={share * 100} height="8" />
      <rect class="new" width={Math.max(isNew * 100, isNew > 0 ? 0.8 : 0)} height="8" />
    </svg>
  );
}

function notesOf(set: ConsoleSet): string {
  return [
    set.held === undefined ? '' : `held${set.held === '' ? '' : `: ${set.held}`}`,
    set.usesDamaged.length > 0 ? 'may use damaged packs' : '',
    set.warningsTotal > 0 ? plural(set.warningsTotal, 'warning') : '',
    set.chosen ? 'chosen tables' : '',
    set.encrypted ? 'encrypted' : '',
    set.source === undefined ? '' : `from ${set.source}`,
    set.group ?? '',
    ...set.tags,
  ]
    .filter((note) => note !== '')
    .join(' · ');
}

/** Arrow keys go from link to link. */
function moveFocus(event: KeyboardEvent & { readonly currentTarget: HTMLTableElement }): void {
  const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
  if (step === 0 || !(event.target instanceof HTMLAnchorElement)) return;
  const links = [...event.currentTarget.querySelectorAll<HTMLAnchorElement>('tbody a')];
  const next = links[links.indexOf(event.target) + step];
  if (next === undefined) return;
  event.preventDefault();
  next.focus();
}
