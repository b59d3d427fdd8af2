import type { SchemaElement } from 'hyparquet';
import { StowageError } from '../../../backup-set/base/errors.ts';
import { dateText, timestampText } from '../../export/parquet/times.ts';

/** A value of Parquet as the input function of a type of PostgreSQL reads it. */
export type ToText = (value: unknown) => Uint8Array | string;

/**
 * How the physical values of a column become text. What has no exact text is an error.
 * @param target the type of the column of the table.
 * @throws StowageError `import/refused` for a type that has no counterpart.
 */
export function toText(element: SchemaElement, target: string): ToText {
  const {
    type,
    converted_type: converted,
    logical_type: logical,
    num_children: children,
  } = element;
  if (children !== undefined || element.repetition_type === 'REPEATED')
    throw unknownType(element, 'lists, maps and structs have no counterpart here');
  const kind = logical?.type ?? converted;
  if (kind === 'DECIMAL') return decimal(element.scale ?? 0);
  if (kind === 'DATE') return (value) => dateText(Number(value));
  if (logical?.type === 'TIMESTAMP' || converted?.startsWith('TIMESTAMP_'))
    return timestamp(element);
  if (logical?.type === 'TIME' || converted?.startsWith('TIME_')) return time(element);
  if (kind === 'UUID') return uuid;
  if (kind === 'INTEGER' || /^U?INT_/.test(String(converted))) return integer(element);
  switch (type) {
    case 'BOOLEAN':
      return (value) => (value === true ? 't' : 'f');
    case 'INT32':
    case 'INT64':
      return String;
    case 'INT96':
      return (value) => fromNanos(value as bigint, element, '');
    case 'FLOAT':
    case 'DOUBLE':
      return (value) => (Object.is(value, -0) ? '-0' : String(value));
    case 'BYTE_ARRAY':
      if (!isText(kind)) throw unknownType(element);
      return target === 'bytea' && kind === undefined ? bytea : (value) => value as Uint8Array;
    case 'FIXED_LEN_BYTE_ARRAY':
      if (kind !== undefined) throw unknownType(element);
      return bytea;
    default:
      throw unknownType(element);
  }
}

const isText = (kind: unknown) =>
  kind === undefined || ['STRING', 'UTF8', 'ENUM', 'JSON'].includes(String(kind));

const bytea: ToText = (value) => `\\x${Buffer.from(value as Uint8Array).toString('hex')}`;

const uuid: ToText = (value) => {
  const hex = Buffer.from(value as Uint8Array).toString('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
};

function integer({
  type,
  converted_type: converted,
  logical_type: logical,
}: SchemaElement): ToText {
  const isUnsigned =
    String(converted).startsWith('UINT_') || (logical?.type === 'INTEGER' && !logical.isSigned);
  if (!isUnsigned) return String;
  const bits = type === 'INT64' ? 64 : 32;
  return (value) => String(BigInt.asUintN(bits, BigInt(value as number | bigint)));
}

function decimal(scale: number): ToText {
  return (value) => {
    const unscaled = value instanceof Uint8Array ? signed(value) : BigInt(value as number | bigint);
    const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0');
    const sign = unscaled < 0n ? '-' : '';
    if (scale === 0) return `${sign}${digits}`;
    return `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
  };
}

function signed(bytes: Uint8Array): bigint {
  if (bytes.length === 0) return 0n;
  return BigInt.asIntN(bytes.length * 8, BigInt(`0x${Buffer.from(bytes).toString('hex')}`));
}

function timestamp(element: SchemaElement): ToText {
  const { converted_type: converted, logical_type: logical } = element;
  const isUtc = logical?.type === 'TIMESTAMP' ? logical.isAdjustedToUTC : true;
  const unit = logical?.type === 'TIMESTAMP' ? logical.unit : converted?.slice('TIMESTAMP_'.length);
  const zone = isUtc ? '+00' : '';
  if (unit === 'NANOS') return (value) => fromNanos(value as bigint, element, zone);
  const factor = unit === 'MILLIS' ? 1000n : 1n;
  return (value) => zoned(timestampText(BigInt(value as bigint) * factor), zone);
}

function fromNanos(nanos: bigint, element: SchemaElement, zone: string): string {
  if (nanos % 1000n !== 0n)
    throw new StowageError(
      'import/failed',
      `column ${element.name} has a time with nanoseconds, which PostgreSQL cannot hold`,
      { where: { field: element.name } },
    );
  return zoned(timestampText(nanos / 1000n), zone);
}

const zoned = (text: string, zone: string) =>
  text.endsWith(' BC') ? `${text.slice(0, -3)}${zone} BC` : `${text}${zone}`;

function time({ converted_type: converted, logical_type: logical, name }: SchemaElement): ToText {
  const unit = logical?.type === 'TIME' ? logical.unit : converted?.slice('TIME_'.length);
  if (unit === 'NANOS')
    throw new StowageError('import/refused', `column ${name} has nanoseconds`, {
      where: { field: name },
    });
  const factor = unit === 'MILLIS' ? 1000n : 1n;
  return (value) => timestampText(BigInt(value as number | bigint) * factor).slice(11);
}

function unknownType(element: SchemaElement, why = 'it has no counterpart here'): StowageError {
  const { name, type, converted_type: converted, logical_type: logical } = element;
  const shown = logical?.type ?? converted ?? type ?? 'a group';
  return new StowageError('import/refused', `column ${name} has the type ${shown}: ${why}`, {
    where: { field: name },
  });
}
