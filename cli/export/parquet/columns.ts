import type { SchemaElement } from 'hyparquet';
import { StowageError } from '../../../backup-set/base/errors.ts';
import type { Column } from '../source.ts';
import { dateValue, timestampValue } from './times.ts';

/** A column of a Parquet file: its declaration, and how values of COPY text become its values. */
export interface ParquetColumn {
  readonly name: string;
  readonly element: SchemaElement;
  /** Strings are compared in another order than their bytes, and NaN with nothing. */
  readonly hasStatistics: boolean;
  /** Undefined: the column cannot have this value. */
  convert(value: Buffer): unknown;
}

/** DECIMAL of 16 bytes. */
const PRECISION_MAX = 38;

/** The type of a column in Parquet; what has no exact one is a string, as in COPY text. */
export function parquetColumn({ name, type = 'text' }: Column, isString: boolean): ParquetColumn {
  const column = isString ? undefined : typed(type);
  const { fields, convert, hasStatistics = true } = column ?? STRING;
  const element = { name, repetition_type: 'OPTIONAL', ...fields } as SchemaElement;
  return { name, element, convert, hasStatistics };
}

interface Kind {
  readonly fields: Partial<SchemaElement>;
  readonly convert: (value: Buffer) => unknown;
  readonly hasStatistics?: boolean;
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const STRING: Kind = {
  fields: { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } },
  hasStatistics: false,
  convert(value) {
    try {
      return decoder.decode(value);
    } catch {
      return undefined;
    }
  },
};

const text = (value: Buffer) => value.toString('latin1');
const whole = (value: Buffer) => Number(text(value));
const timestamp = (isAdjustedToUTC: boolean): Kind => ({
  fields: {
    type: 'INT64',
    ...(isAdjustedToUTC && { converted_type: 'TIMESTAMP_MICROS' }),
    logical_type: { type: 'TIMESTAMP', isAdjustedToUTC, unit: 'MICROS' },
  },
  convert: (value) => timestampValue(text(value)),
});

const KINDS: Readonly<Record<string, Kind>> = {
  boolean: { fields: { type: 'BOOLEAN' }, convert: (value) => value[0] === 0x74 },
  smallint: { fields: { type: 'INT32', converted_type: 'INT_16' }, convert: whole },
  integer: { fields: { type: 'INT32' }, convert: whole },
  bigint: { fields: { type: 'INT64' }, convert: (value) => BigInt(text(value)) },
  oid: { fields: { type: 'INT64' }, convert: (value) => BigInt(text(value)) },
  real: { fields: { type: 'FLOAT' }, convert: whole, hasStatistics: false },
  'double precision': { fields: { type: 'DOUBLE' }, convert: whole, hasStatistics: false },
  date: {
    fields: { type: 'INT32', converted_type: 'DATE', logical_type: { type: 'DATE' } },
    convert: (value) => dateValue(text(value)),
  },
  'timestamp without time zone': timestamp(false),
  'timestamp with time zone': timestamp(true),
  bytea: { fields: { type: 'BYTE_ARRAY' }, convert: byteaValue, hasStatistics: false },
  uuid: {
    fields: { type: 'FIXED_LEN_BYTE_ARRAY', type_length: 16, logical_type: { type: 'UUID' } },
    convert: (value) => new Uint8Array(Buffer.from(text(value).replaceAll('-', ''), 'hex')),
    hasStatistics: false,
  },
};

function typed(type: string): Kind | undefined {
  // A precision of seconds changes nothing: `timestamp(3) with time zone`.
  const plain = type.replace(/^(timestamp)\(\d\)/, '$1');
  if (Object.hasOwn(KINDS, plain)) return KINDS[plain];
  const [, precision = '', scale = '0'] = /^numeric\((\d+)(?:,(\d+))?\)$/.exec(type) ?? [];
  return precision === '' ? undefined : decimal(Number(precision), Number(scale));
}

function decimal(precision: number, scale: number): Kind | undefined {
  if (precision > PRECISION_MAX || scale > precision) return undefined;
  const stored: Partial<SchemaElement> =
    precision <= 18 ? { type: 'INT64' } : { type: 'FIXED_LEN_BYTE_ARRAY', type_length: 16 };
  return {
    fields: {
      ...stored,
      converted_type: 'DECIMAL',
      logical_type: { type: 'DECIMAL', precision, scale },
      precision,
      scale,
    },
    convert(value) {
      // The server writes as many digits behind the point as the type has.
      const [, sign = '', before = '', after = ''] =
        /^(-?)(\d+)(?:\.(\d+))?$/.exec(text(value)) ?? [];
      if (before === '' || after.length > scale) return undefined;
      return BigInt(`${sign}${before}${after.padEnd(scale, '0')}`);
    },
  };
}

/** `\x00ff`, or the escape format of old servers. */
function byteaValue(value: Buffer): Uint8Array {
  if (value[0] === 0x5c && value[1] === 0x78)
    return new Uint8Array(Buffer.from(value.toString('latin1', 2), 'hex'));
  const escaped = text(value).replaceAll(/\\(\\|[0-7]{3})/g, (_, code: string) =>
    code === '\\' ? '\\' : String.fromCharCode(Number.parseInt(code, 8)),
  );
  return new Uint8Array(Buffer.from(escaped, 'latin1'));
}

export function unfitValue({ name }: ParquetColumn, row: number, value: Buffer): StowageError {
  const shown = JSON.stringify(value.toString('utf8', 0, 60));
  return new StowageError(
    'export/value',
    `row ${row}: column ${name} has ${shown}, which its type in Parquet cannot hold`,
    { where: { field: name } },
  );
}
