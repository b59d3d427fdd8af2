import { useEffect, useRef } from 'preact/hooks';
import type { OneSet } from '../../functions/serve/console/api.ts';
import { countOfCode, ratioOfCode } from '../../functions/serve/console/cells/codes.ts';
import { bytes, count, ratio, short } from '../base/format.ts';
import { useOnRoot } from '../parts/shown-root.tsx';
import { amountRange } from './amounts.ts';
import { RATIOS, rampAt, rampOf, type View } from './colours.ts';
import type { RowSource } from './rows.ts';

const STEPS = 96;

/** The ramp with its ends, and how far the server has read. */
export function Legend({
  view,
  isDark,
  set,
  source,
}: {
  readonly view: View;
  readonly isDark: boolean;
  readonly set: OneSet;
  readonly source: RowSource;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (!context) return;
    for (let at = 0; at < STEPS; at += 1) {
      context.fillStyle = `rgb(${rampAt(rampOf(view, isDark), at / (STEPS - 1)).join(' ')})`;
      context.fillRect(at, 0, 1, 1);
    }
  }, [view, isDark]);
  const onRoot = useOnRoot();
  const [from, to] = endsOf(view, set);
  const all = set.segments.content.length;
  return (
    <div class="legend">
      <span>{from}</span>
      <canvas ref={canvas} width={STEPS} height={1} />
      <span>{to}</span>
      <span class="muted spread" role="status">
        {source.failure !== undefined
          ? `${source.failure.message} (${source.failure.code})`
          : source.unreadable > 0
            ? `the parts of ${count(source.unreadable)} segments cannot be read: ${onRoot(`stowage validate ${set.timestamp}`)}`
            : source.contentsRead < all
              ? `${count(source.contentsRead)} of ${count(all)} segments read`
              : ''}
      </span>
    </div>
  );
}

function endsOf(view: View, set: OneSet): [string, string] {
  const { first, last } = amountRange(set, view);
  const most = short(countOfCode(last));
  const least = short(countOfCode(first));
  switch (view) {
    case 'bytes':
      return [bytes(countOfCode(first)), bytes(countOfCode(last))];
    case 'rows':
      return [`${least} rows`, `${most} rows`];
    case 'ratio':
      return [`compressed ${ratio(ratioOfCode(RATIOS.first))}`, ratio(ratioOfCode(RATIOS.last))];
    case 'skew':
      return ['¼ of the mean of the table', '4 times the mean'];
    case 'carried':
      return ['all rows are new', 'all rows are in older sets, or the table was not read'];
  }
}
