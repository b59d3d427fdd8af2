import type { Session } from '../session/session.ts';

/** A type as the catalogs describe it, with what its values look like in COPY. */
export interface CatalogType {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  /** b base, c composite, d domain, e enum, m multirange, p pseudo, r range */
  readonly kind: string;
  /** Types that its values consist of: elements, attributes, the base of a domain. */
  readonly parts: readonly number[];
  readonly isArray: boolean;
  /** Labels of an enum, attributes of a row, with the versions of their catalog rows. */
  readonly details: string;
  /** The extension that owns it, and its version. */
  readonly extension: string | null;
  readonly extensionVersion: string | null;
}

/**
 * The types that tables use, and those that they consist of. Most tables use only built-in types
 * that consist of no others: the statement for all others takes a server ten times as long.
 */
export async function readTypes(session: Session, oids: readonly number[]): Promise<CatalogType[]> {
  const builtIn = await session.query<Pick<CatalogType, 'oid' | 'name'>>(BUILT_IN, [oids]);
  const known = new Set(builtIn.map(({ oid }) => oid));
  const others = oids.filter((oid) => !known.has(oid));
  const found = others.length === 0 ? [] : await session.query<CatalogType>(QUERY, [others]);
  const read = new Set(found.map(({ oid }) => oid));
  return [
    ...found,
    ...builtIn
      .filter(({ oid }) => !read.has(oid))
      .map((type) => ({ ...type, ...OF_BUILT_IN, schema: 'pg_catalog', kind: 'b' })),
  ];
}

const OF_BUILT_IN = {
  parts: [],
  isArray: false,
  details: '',
  extension: null,
  extensionVersion: null,
};

/** Objects of users, and of extensions, have higher oids. */
const BUILT_IN = `
  SELECT t.oid::int8::float8 AS oid, t.typname::text AS name FROM pg_catalog.pg_type t
  WHERE t.oid = ANY ($1::int8[]::oid[]) AND t.oid < 16384 AND t.typtype = 'b' AND t.typelem = 0
    AND t.typnamespace = (SELECT n.oid FROM pg_catalog.pg_namespace n WHERE n.nspname = 'pg_catalog')`;

const ATTRIBUTES = `json_agg(json_build_array(a.attnum, a.attname, a.atttypid::text, a.atttypmod, a.attisdropped,
  row_to_json(a)->>'atthasmissing', row_to_json(a)->>'attmissingval') ORDER BY a.attnum)`;

// row_to_json: multiranges came with 14, and their column of pg_range.
const QUERY = `
  WITH RECURSIVE parts AS (
    SELECT t.oid AS whole, t.typbasetype AS part FROM pg_catalog.pg_type t WHERE t.typtype = 'd'
    UNION ALL SELECT t.oid, t.typelem FROM pg_catalog.pg_type t WHERE t.typtype = 'b' AND t.typelem <> 0
    UNION ALL SELECT t.oid, a.atttypid FROM pg_catalog.pg_type t JOIN pg_catalog.pg_attribute a ON a.attrelid = t.typrelid
      WHERE t.typtype = 'c' AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL SELECT r.rngtypid, r.rngsubtype FROM pg_catalog.pg_range r
    UNION ALL SELECT (row_to_json(r)->>'rngmultitypid')::oid, r.rngtypid FROM pg_catalog.pg_range r
  ), used AS (
    SELECT unnest($1::int8[]::oid[]) AS oid
    UNION SELECT p.part FROM used u JOIN parts p ON p.whole = u.oid
  )
  SELECT t.oid::int8::float8 AS oid, n.nspname::text AS schema, t.typname::text AS name, t.typtype::text AS kind,
    coalesce((SELECT array_agg(p.part::int8::float8 ORDER BY p.part) FROM parts p WHERE p.whole = t.oid), '{}') AS parts,
    coalesce(e.typarray = t.oid, false) AS "isArray",
    coalesce(CASE t.typtype
      WHEN 'e' THEN (SELECT json_agg(json_build_array(l.enumsortorder, l.enumlabel, l.xmin::text) ORDER BY l.enumsortorder)
                     FROM pg_catalog.pg_enum l WHERE l.enumtypid = t.oid)
      WHEN 'c' THEN (SELECT ${ATTRIBUTES} FROM pg_catalog.pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0)
    END::text, '') AS details,
    x.extname::text AS extension, x.extversion AS "extensionVersion"
  FROM (SELECT DISTINCT oid FROM used) u
  JOIN pg_catalog.pg_type t ON t.oid = u.oid
  JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
  LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem
  LEFT JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_type'::regclass AND d.objid = t.oid
    AND d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.deptype = 'e'
  LEFT JOIN pg_catalog.pg_extension x ON x.oid = d.refobjid`;

/** Base types of these extensions print their values from the value alone. */
const KNOWN_EXTENSIONS = new Set([
  'citext',
  'cube',
  'hstore',
  'isn',
  'lo',
  'ltree',
  'seg',
  'postgis',
  'vector',
]);

/**
 * Describes types: the text of a type changes when its values could look different in COPY.
 * @returns undefined for a type whose output depends on something that is not described.
 */
export function typeDescriber(types: readonly CatalogType[]): (oid: number) => string | undefined {
  const byOid = new Map(types.map((type) => [type.oid, type]));
  const known = new Map<number, string | undefined>();
  const describe = (oid: number): string | undefined => {
    if (known.has(oid)) return known.get(oid);
    // A type that contains itself is not possible: should it be, it is not described.
    known.set(oid, undefined);
    const type = byOid.get(oid);
    const text = type && describeType(type);
    known.set(oid, text);
    return text;
  };
  const describeType = (type: CatalogType): string | undefined => {
    const { kind, schema, name, extension, extensionVersion, details, isArray } = type;
    if (kind === 'p') return undefined;
    const isOutputOfParts = kind !== 'b' || isArray;
    if (!isOutputOfParts && !isPlain(type)) return undefined;
    const parts = isOutputOfParts ? type.parts.map(describe) : [];
    if (parts.includes(undefined)) return undefined;
    return JSON.stringify([type.oid, schema, name, details, extension, extensionVersion, parts]);
  };
  return describe;
}

/** A base type whose output function reads nothing but the value. */
function isPlain({ schema, name, extension }: CatalogType): boolean {
  // reg* prints names of objects, aclitem names of roles: both can be renamed.
  if (schema === 'pg_catalog' && extension === null)
    return !/^reg/.test(name) && name !== 'aclitem';
  return extension !== null && KNOWN_EXTENSIONS.has(extension);
}
