import type { BackupProgress } from '../../functions/serve/console/api.ts';
import { apiAddress, useApi } from '../base/api.ts';
import { age, bytes, count, localTime, percent } from '../base/format.ts';
import { addressOf } from '../base/route.ts';
import { Bar, Chip, Figure } from '../parts/pieces.tsx';
import { POLL_MS, RunPage, SegmentTable } from '../parts/run-page.tsx';

/** A backup by segment. */
export function Backup({ root, timestamp }: { readonly root: number; readonly timestamp: string }) {
  const { value, failure } = useApi<BackupProgress>(
    apiAddress(root, `sets/${encodeURIComponent(timestamp)}/progress`),
    (known) => (known?.state === 'complete' ? undefined : POLL_MS),
  );
  return (
    <RunPage
      title={`Backup ${timestamp}`}
      state={value?.state}
      link={
        value?.state === 'complete' && (
          <a href={addressOf(root, ['set', timestamp])}>Open the set</a>
        )
      }
      failure={failure}
    >
      {value && <BackupSegments progress={value} />}
    </RunPage>
  );
}

function BackupSegments({ progress }: { readonly progress: BackupProgress }) {
  const { segments, now, startedAt, expectedFrom, unread, failures } = progress;
  const sum = (of: (segment: BackupProgress['segments'][number]) => number) =>
    segments.reduce((total, segment) => total + of(segment), 0);
  const stored = sum(({ storedBytes }) => storedBytes);
  const expected = sum(({ expectedBytes = 0 }) => expectedBytes);
  const done = segments.filter(({ state }) => state === 'sealed' || state === 'shipped').length;
  return (
    <>
      <dl class="figures">
        <Figure label="Runs since" note={localTime(startedAt)}>
          {age(Date.parse(now) - Date.parse(startedAt))}
        </Figure>
        <Figure
          label="Stored"
          note={expectedFrom && `set ${expectedFrom} added ${bytes(expected)}`}
        >
          {bytes(stored)}
        </Figure>
        <Figure
          label="Rows"
          note={unread > 0 ? `${count(unread)} receipts are not read yet` : undefined}
        >
          {count(sum(({ rows }) => rows))}
        </Figure>
        <Figure label="Segments done">
          {count(done)} of {count(segments.length)}
        </Figure>
      </dl>
      {failures.map((text) => (
        <p key={text} class="failure">
          {text}
        </p>
      ))}
      <SegmentTable
        order="Slowest first"
        segments={segments}
        head={
          <>
            <th scope="col">Segment</th>
            <th scope="col">State</th>
            <th scope="col" class="barcolumn">
              {expectedFrom === undefined ? 'Tables begun' : 'Of what the last set added'}
            </th>
            <th scope="col" class="number">
              Stored
            </th>
            <th scope="col" class="number wide">
              Packs
            </th>
            <th scope="col" class="number wide">
              Rows
            </th>
            <th scope="col" class="number wide">
              Tables begun
            </th>
            <th scope="col" class="number">
              Last object
            </th>
          </>
        }
        row={(segment) => {
          const { expectedBytes, storedBytes, tables, tablesPlanned } = segment;
          const share = expectedBytes
            ? storedBytes / expectedBytes
            : tables / Math.max(1, tablesPlanned);
          return (
            <tr key={segment.content}>
              <th scope="row">
                {segment.content} <span class="muted">{segment.host}</span>
              </th>
              <td>
                <Chip state={segment.state} />
              </td>
              <td class="barcolumn">
                <Bar share={share} state={segment.state} /> {percent(share)}
              </td>
              <td class="number">{bytes(storedBytes)}</td>
              <td class="number wide">{count(segment.packs)}</td>
              <td class="number wide">{count(segment.rows)}</td>
              <td class="number wide">
                {count(tables)} of {count(tablesPlanned)}
              </td>
              <td class="number">
                {segment.lastArrival === undefined
                  ? '–'
                  : `${age(Date.parse(now) - Date.parse(segment.lastArrival))} ago`}
              </td>
            </tr>
          );
        }}
      />
    </>
  );
}
