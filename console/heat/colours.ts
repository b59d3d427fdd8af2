import {
  EMPTY,
  FIRST_VALUE,
  LAST_VALUE,
  NOT_READ,
  NOT_YET_READ,
  shareOfCode,
  UNREADABLE,
} from '../../functions/serve/console/cells/codes.ts';

export const VIEWS = {
  bytes: 'Bytes',
  rows: 'Rows',
  skew: 'Skew',
  ratio: 'Ratio',
  carried: 'Carried',
} as const;
export type View = keyof typeof VIEWS;

type Rgb = readonly [number, number, number];

/** From little to much: lightness rises or falls evenly, also for colour-blind readers. */
const RAMPS: Readonly<Record<'light' | 'dark', Readonly<Record<string, readonly Rgb[]>>>> = {
  light: {
    amount: [
      [233, 240, 245],
      [168, 205, 222],
      [86, 155, 190],
      [27, 96, 140],
      [11, 47, 84],
    ],
    ratio: [
      [246, 238, 224],
      [222, 205, 158],
      [152, 178, 124],
      [66, 133, 105],
      [19, 78, 74],
    ],
    skew: [
      [38, 96, 150],
      [160, 196, 222],
      [240, 240, 236],
      [236, 176, 140],
      [176, 62, 32],
    ],
    carried: [
      [27, 96, 140],
      [120, 170, 198],
      [206, 220, 228],
      [226, 229, 230],
      [232, 232, 230],
    ],
  },
  dark: {
    amount: [
      [28, 40, 50],
      [30, 72, 100],
      [38, 118, 160],
      [98, 176, 212],
      [208, 236, 250],
    ],
    ratio: [
      [44, 38, 30],
      [92, 82, 44],
      [92, 132, 76],
      [86, 178, 136],
      [190, 236, 210],
    ],
    skew: [
      [122, 184, 236],
      [52, 98, 140],
      [40, 44, 48],
      [140, 76, 46],
      [250, 150, 106],
    ],
    carried: [
      [98, 176, 212],
      [44, 112, 150],
      [38, 62, 76],
      [38, 46, 52],
      [36, 40, 44],
    ],
  },
};

const SPECIAL = {
  light: {
    absent: [251, 251, 250],
    empty: [241, 242, 241],
    unread: [247, 246, 242],
    bad: [196, 60, 50],
  },
  dark: { absent: [20, 23, 26], empty: [27, 31, 35], unread: [24, 27, 29], bad: [224, 92, 80] },
} as const satisfies Record<string, Record<string, Rgb>>;

export const rampOf = (view: View, isDark: boolean): readonly Rgb[] => {
  const ramps = RAMPS[isDark ? 'dark' : 'light'];
  return ramps[view === 'bytes' || view === 'rows' ? 'amount' : view] ?? [];
};

/** A colour of a ramp, at 0 to 1. */
export function rampAt(ramp: readonly Rgb[], share: number): Rgb {
  const at = Math.min(1, Math.max(0, share)) * (ramp.length - 1);
  const from = ramp[Math.floor(at)] ?? [0, 0, 0];
  const to = ramp[Math.ceil(at)] ?? from;
  const mix = (a: number, b: number) => Math.round(a + (b - a) * (at % 1));
  return [mix(from[0], to[0]), mix(from[1], to[1]), mix(from[2], to[2])];
}

/** The codes of the ratios 1 and 16. */
export const RATIOS = { first: 64, last: 188 } as const;

/** The pixel of every code, as a canvas stores it. Skew: of the difference to the mean, + 128. */
export function pixelsOf(
  view: View,
  isDark: boolean,
  amounts: { readonly first: number; readonly last: number },
): Uint32Array {
  const ramp = rampOf(view, isDark);
  const special = SPECIAL[isDark ? 'dark' : 'light'];
  const pixels = new Uint32Array(256);
  for (let code = 0; code < 256; code += 1)
    pixels[code] = pixel(rampAt(ramp, shareOf(view, code, amounts)));
  if (view === 'skew') return pixels;
  pixels[0] = pixel(special.absent);
  pixels[EMPTY] = pixel(special.empty);
  pixels[UNREADABLE] = pixel(special.bad);
  pixels[NOT_YET_READ] = pixel(special.unread);
  return pixels;
}

/** Pixels of codes that are no value, for views that change the codes. */
export function specialPixel(code: number, isDark: boolean): number | undefined {
  const special = SPECIAL[isDark ? 'dark' : 'light'];
  if (code >= FIRST_VALUE && code <= LAST_VALUE) return undefined;
  if (code === UNREADABLE) return pixel(special.bad);
  if (code === NOT_YET_READ) return pixel(special.unread);
  return pixel(code === EMPTY ? special.empty : special.absent);
}

/** Four doublings of skew to each side are the whole ramp. */
const SKEW_CODES = 19;

function shareOf(
  view: View,
  code: number,
  amounts: { readonly first: number; readonly last: number },
): number {
  switch (view) {
    case 'bytes':
    case 'rows':
      return (code - amounts.first) / Math.max(1, amounts.last - amounts.first);
    case 'ratio':
      return (code - RATIOS.first) / (RATIOS.last - RATIOS.first);
    case 'skew':
      return 0.5 + (code - 128) / (2 * SKEW_CODES);
    case 'carried':
      return code === NOT_READ ? 1 : 0.9 * shareOfCode(code);
  }
}

/** Little-endian RGBA. */
const pixel = ([red, green, blue]: Rgb) => (0xff000000 | (blue << 16) | (green << 8) | red) >>> 0;
