import type { ScheduledRun } from '../../functions/schedule/runs.ts';

/** `2026-11-29 02:00 CET`. */
export function localTime(date: Date, timeZone: string): string {
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    dateStyle: 'short',
    timeStyle: 'short',
  }).formatToParts(date);
  const part = (type: string) => parts.find((each) => each.type === type)?.value ?? '';
  const zone = new Intl.DateTimeFormat('en-GB', { timeZone, timeZoneName: 'short' })
    .formatToParts(date)
    .find(({ type }) => type === 'timeZoneName')?.value;
  return `${part('year')}-${part('month')}-${part('day')} ${part('hour')}:${part('minute')} ${zone ?? ''}`.trim();
}

/** `5 min`, `3 h`, `2 d`: for columns of a table. */
export function ageText(ms: number): string {
  const minutes = Math.max(0, Math.round(ms / 60_000));
  if (minutes < 90) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} d`;
}

/** `done 3 h ago`, `FAILED 3 h ago`, `running for 5 min`. */
export function runText({ state, instant, start, end }: ScheduledRun, now: Date): string {
  const begun = Date.parse(start?.startedAt ?? instant.toISOString());
  if (state === 'running') return `running for ${ageText(now.getTime() - begun)}`;
  const at = Date.parse(end?.endedAt ?? instant.toISOString());
  const ago = `${ageText(now.getTime() - at)} ago`;
  return { done: `done ${ago}`, failed: `FAILED ${ago}`, lost: `LOST ${ago}` }[state];
}
