/**
 * How the cells of a set are sent: one byte for each measure of a table in a content. The page
 * decodes them with the same functions.
 */
export const MEASURES = ['rows', 'bytes', 'ratio', 'carried'] as const;
export type Measure = (typeof MEASURES)[number];

/** The content does not have the table. */
export const ABSENT = 0;
/** The content has the table, and the table has no rows there. */
export const EMPTY = 1;
/** Its part of the manifest cannot be read. */
export const UNREADABLE = 254;
export const NOT_YET_READ = 255;

export const FIRST_VALUE = 2;
export const LAST_VALUE = 253;
/** 2^53 gives 251: steps of 16 %. */
const STEPS_PER_DOUBLING = 4.7;
/** Ratios from 1/4 to 2^6 in steps of 2 %. */
const RATIO_STEPS = 31;
const RATIO_FIRST = FIRST_VALUE + 2 * RATIO_STEPS;

/** Of `carried`: no row was read, because a witness proves that none changed. */
export const NOT_READ = 200;
const SHARE_FIRST = 2;

const clamp = (code: number) => Math.min(LAST_VALUE, Math.max(FIRST_VALUE, Math.round(code)));

export const codeOfCount = (count: number): number =>
  count === 0 ? EMPTY : clamp(FIRST_VALUE + Math.log2(count) * STEPS_PER_DOUBLING);

export const countOfCode = (code: number): number =>
  code < FIRST_VALUE ? 0 : 2 ** ((code - FIRST_VALUE) / STEPS_PER_DOUBLING);

/** Bytes of rows per stored byte. */
export const codeOfRatio = (bytes: number, storedBytes: number): number =>
  bytes === 0 || storedBytes === 0
    ? EMPTY
    : clamp(RATIO_FIRST + Math.log2(bytes / storedBytes) * RATIO_STEPS);

export const ratioOfCode = (code: number): number => 2 ** ((code - RATIO_FIRST) / RATIO_STEPS);

/** The share of stored bytes that are in older sets. */
export const codeOfShare = (carriedBytes: number, storedBytes: number): number =>
  storedBytes === 0 ? EMPTY : SHARE_FIRST + Math.round((100 * carriedBytes) / storedBytes);

/** 0 to 1. */
export const shareOfCode = (code: number): number =>
  code === NOT_READ ? 1 : (code - SHARE_FIRST) / 100;

/** True for a code that stands for a value. */
export const isValue = (code: number): boolean => code >= FIRST_VALUE && code <= LAST_VALUE;
