import { type Medians, mediansOf, type ScenarioResult } from './result.ts';

/** The parts of a bar, from the axis outwards. */
const PARTS = [
  { of: 'databaseSeconds', name: 'PostgreSQL', className: 'database' },
  { of: 'programSeconds', name: 'server programs', className: 'programs' },
  { of: 'clientSeconds', name: 'client', className: 'client' },
] as const satisfies readonly { of: keyof Medians; name: string; className: string }[];

const [WIDTH, LEFT, RIGHT, BAR, PITCH, HEAD] = [960, 340, 90, 16, 24, 46];

/** Readable on light and dark pages: no background, and colours that follow the colour scheme. */
const STYLE = `text { font: 13px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600 } .ours { font-weight: 600 } .grid { stroke: #8884 }
.database { fill: #3b6ea8 } .programs { fill: #d08a2e } .client { fill: #4c9a6a }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .database { fill: #6ea3dc } .programs { fill: #e8a850 } .client { fill: #6cc08d } }`;

/**
 * Stacked bars of CPU seconds per GB of COPY text, a group for each scenario with such a figure.
 */
export function plotOf(results: readonly ScenarioResult[]): string {
  const groups = results.filter(({ bytes }) => bytes > 0);
  let y = HEAD;
  const drawn = groups.map((result) => {
    const medians = mediansOf(result.rows);
    const group = drawGroup(result, medians, y);
    y += HEAD + medians.length * PITCH + 12;
    return group;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" role="img" aria-label="CPU seconds per GB of COPY text">
<style>${STYLE}</style>
${legend()}
${drawn.join('\n')}
</svg>
`;
}

function legend(): string {
  return PARTS.map(({ name, className }, index) => {
    const x = LEFT + index * 130;
    return `<rect class="${className}" x="${x}" y="8" width="12" height="12"/><text x="${x + 18}" y="19">${name}</text>`;
  }).join('');
}

function drawGroup(result: ScenarioResult, medians: readonly Medians[], top: number): string {
  const gigabytes = result.bytes / 1e9;
  const longest = Math.max(1e-9, ...medians.map(({ totalSeconds }) => totalSeconds / gigabytes));
  const scale = (WIDTH - LEFT - RIGHT) / longest;
  const bars = medians.map((one, index) => {
    const y = top + HEAD - 18 + index * PITCH;
    let x = LEFT;
    const parts = PARTS.map(({ of, className, name }) => {
      const width = (one[of] / gigabytes) * scale;
      const rect = `<rect class="${className}" x="${x.toFixed(1)}" y="${y}" width="${Math.max(0, width).toFixed(1)}" height="${BAR}"><title>${name}: ${(one[of] / gigabytes).toFixed(2)} s/GB</title></rect>`;
      x += width;
      return rect;
    });
    const own = one.contender.startsWith('stowage') ? ' class="ours"' : '';
    return `<text${own} x="${LEFT - 8}" y="${y + 13}" text-anchor="end">${escaped(one.contender)}</text>${parts.join('')}<text${own} x="${(x + 6).toFixed(1)}" y="${y + 13}">${(one.totalSeconds / gigabytes).toFixed(1)}</text>`;
  });
  return `<text class="title" x="12" y="${top + 6}">${escaped(`${result.title}: CPU s/GB`)}</text>
<line class="grid" x1="${LEFT}" x2="${LEFT}" y1="${top + HEAD - 24}" y2="${top + HEAD - 18 + medians.length * PITCH}"/>
${bars.join('\n')}`;
}

const escaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
