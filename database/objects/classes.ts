/**
 * What the catalogs say of one class of objects: per object its `oid` (of a part, the oid of its
 * relation), its `schema` (empty: in none), its `name` as pg_dump tags it, and whether it has
 * rights (`acl`) or a `comment` of its own.
 */
const object = (catalog: string, schema: string, name: string, more: string, acl = 'false') =>
  `SELECT o.oid, ${schema}::text AS schema, (${name})::text AS name, ${acl} AS acl,
     EXISTS (SELECT 1 FROM pg_description d WHERE d.objoid = o.oid
       AND d.classoid = 'pg_catalog.${catalog}'::regclass AND d.objsubid = 0) AS comment
   FROM ${catalog} o ${more}`;

const inSchema = (column: string, more = '') =>
  `JOIN pg_namespace n ON n.oid = o.${column} ${more}`;
/** Objects that belong to a relation, and are tagged with its name and theirs. */
const ofRelation = (column: string, more = '') =>
  `JOIN pg_class c ON c.oid = o.${column} JOIN pg_namespace n ON n.oid = c.relnamespace ${more}`;
const RELATION = "o.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')";
const ARGUMENTS = `(SELECT string_agg(format_type(a.type, NULL), ', ' ORDER BY a.at)
  FROM unnest(o.proargtypes::oid[]) WITH ORDINALITY AS a(type, at))`;
const IS_AGGREGATE = 'EXISTS (SELECT 1 FROM pg_aggregate a WHERE a.aggfnoid = o.oid)';
const DEFAULT_FOR = `CASE o.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES'
  WHEN 'f' THEN 'FUNCTIONS' WHEN 'T' THEN 'TYPES' WHEN 'n' THEN 'SCHEMAS' WHEN 'L' THEN 'LARGE OBJECTS' END`;

const FUNCTION_BY_TYPES = object(
  'pg_proc',
  'n.nspname',
  `o.proname || '(' || coalesce(${ARGUMENTS}, CASE WHEN ${IS_AGGREGATE} THEN '*' ELSE '' END) || ')'`,
  inSchema('pronamespace'),
  'o.proacl IS NOT NULL',
);

/** One query per class. They use columns that every version has that knows the class. */
export const CLASSES = {
  schema: object('pg_namespace', "''", 'o.nspname', '', 'o.nspacl IS NOT NULL'),
  extension: object('pg_extension', "''", 'o.extname', ''),
  relation: object(
    'pg_class',
    'n.nspname',
    'o.relname',
    inSchema('relnamespace', `WHERE ${RELATION}`),
    'o.relacl IS NOT NULL',
  ),
  column: `SELECT c.oid, n.nspname::text AS schema, c.relname || '.' || o.attname AS name, o.attacl IS NOT NULL AS acl,
      EXISTS (SELECT 1 FROM pg_description d WHERE d.objoid = o.attrelid
        AND d.classoid = 'pg_catalog.pg_class'::regclass AND d.objsubid = o.attnum) AS comment
    FROM pg_attribute o ${ofRelation('attrelid', 'WHERE o.attnum > 0 AND NOT o.attisdropped')}`,
  notNull: `SELECT c.oid, n.nspname::text AS schema, c.relname || ' ' || o.attname AS name, false AS acl, false AS comment
    FROM pg_attribute o ${ofRelation('attrelid', 'WHERE o.attnum > 0 AND o.attnotnull AND NOT o.attisdropped')}`,
  default: `SELECT o.oid, n.nspname::text AS schema, c.relname || ' ' || a.attname AS name, false AS acl, false AS comment
    FROM pg_attrdef o JOIN pg_attribute a ON a.attrelid = o.adrelid AND a.attnum = o.adnum ${ofRelation('adrelid')}`,
  constraint: object(
    'pg_constraint',
    'n.nspname',
    "coalesce(c.relname, t.typname) || ' ' || o.conname",
    `LEFT JOIN pg_class c ON c.oid = o.conrelid LEFT JOIN pg_type t ON t.oid = o.contypid
     JOIN pg_namespace n ON n.oid = coalesce(c.relnamespace, t.typnamespace)`,
  ),
  index: object(
    'pg_class',
    'n.nspname',
    'o.relname',
    inSchema('relnamespace', "WHERE o.relkind IN ('i', 'I')"),
  ),
  attached: `SELECT c.oid, n.nspname::text AS schema, c.relname::text AS name, false AS acl, false AS comment
    FROM pg_inherits o ${ofRelation('inhrelid')}`,
  ownedSequence: object(
    'pg_class',
    'n.nspname',
    'o.relname',
    inSchema(
      'relnamespace',
      `WHERE o.relkind = 'S' AND EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass
         AND d.objid = o.oid AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i'))`,
    ),
  ),
  statistics: object('pg_statistic_ext', 'n.nspname', 'o.stxname', inSchema('stxnamespace')),
  trigger: object('pg_trigger', 'n.nspname', "c.relname || ' ' || o.tgname", ofRelation('tgrelid')),
  rule: object('pg_rewrite', 'n.nspname', "c.relname || ' ' || o.rulename", ofRelation('ev_class')),
  policy: object('pg_policy', 'n.nspname', "c.relname || ' ' || o.polname", ofRelation('polrelid')),
  rowSecurity: object(
    'pg_class',
    'n.nspname',
    'o.relname',
    inSchema('relnamespace', 'WHERE o.relrowsecurity'),
  ),
  type: object(
    'pg_type',
    'n.nspname',
    'o.typname',
    inSchema('typnamespace'),
    'o.typacl IS NOT NULL',
  ),
  function: FUNCTION_BY_TYPES,
  // COMMENT and GRANT take the names of arguments, too. Of aggregates, pg_dump 9.4 names the types.
  functionByArguments: `${object(
    'pg_proc',
    'n.nspname',
    `o.proname || '(' || CASE WHEN o.pronargs = 0 AND ${IS_AGGREGATE} THEN '*'
       ELSE pg_get_function_identity_arguments(o.oid) END || ')'`,
    inSchema('pronamespace'),
    'o.proacl IS NOT NULL',
  )} UNION ALL ${FUNCTION_BY_TYPES}`,
  operator: object('pg_operator', 'n.nspname', 'o.oprname', inSchema('oprnamespace')),
  operatorClass: object('pg_opclass', 'n.nspname', 'o.opcname', inSchema('opcnamespace')),
  operatorFamily: object('pg_opfamily', 'n.nspname', 'o.opfname', inSchema('opfnamespace')),
  collation: object('pg_collation', 'n.nspname', 'o.collname', inSchema('collnamespace')),
  conversion: object('pg_conversion', 'n.nspname', 'o.conname', inSchema('connamespace')),
  cast: object(
    'pg_cast',
    "''",
    "'(' || format_type(o.castsource, NULL) || ' AS ' || format_type(o.casttarget, NULL) || ')'",
    '',
  ),
  transform: object(
    'pg_transform',
    "''",
    "'FOR ' || format_type(o.trftype, NULL) || ' LANGUAGE ' || l.lanname",
    'JOIN pg_language l ON l.oid = o.trflang',
  ),
  language: object('pg_language', "''", 'o.lanname', '', 'o.lanacl IS NOT NULL'),
  wrapper: object('pg_foreign_data_wrapper', "''", 'o.fdwname', '', 'o.fdwacl IS NOT NULL'),
  server: object('pg_foreign_server', "''", 'o.srvname', '', 'o.srvacl IS NOT NULL'),
  userMapping: `SELECT o.umid AS oid, '' AS schema, 'USER MAPPING ' || o.usename || ' SERVER ' || o.srvname AS name, false AS acl, false AS comment
    FROM pg_user_mappings o`,
  accessMethod: object('pg_am', "''", 'o.amname', ''),
  searchParser: object('pg_ts_parser', 'n.nspname', 'o.prsname', inSchema('prsnamespace')),
  searchDictionary: object('pg_ts_dict', 'n.nspname', 'o.dictname', inSchema('dictnamespace')),
  searchTemplate: object('pg_ts_template', 'n.nspname', 'o.tmplname', inSchema('tmplnamespace')),
  searchConfiguration: object('pg_ts_config', 'n.nspname', 'o.cfgname', inSchema('cfgnamespace')),
  defaultRights: object(
    'pg_default_acl',
    "coalesce(n.nspname, '')",
    `'DEFAULT PRIVILEGES FOR ' || ${DEFAULT_FOR}`,
    'LEFT JOIN pg_namespace n ON n.oid = o.defaclnamespace',
  ),
  eventTrigger: object('pg_event_trigger', "''", 'o.evtname', ''),
  publication: object('pg_publication', "''", 'o.pubname', ''),
  publishedTable: object(
    'pg_publication_rel',
    'n.nspname',
    "p.pubname || ' ' || c.relname",
    `JOIN pg_publication p ON p.oid = o.prpubid ${ofRelation('prrelid')}`,
  ),
  publishedSchema: object(
    'pg_publication_namespace',
    "''",
    "p.pubname || ' ' || n.nspname",
    `JOIN pg_publication p ON p.oid = o.pnpubid ${inSchema('pnnspid')}`,
  ),
  subscription: object(
    'pg_subscription',
    "''",
    'o.subname',
    'WHERE o.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())',
  ),
  protocol: object('pg_extprotocol', "''", 'o.ptcname', ''),
} as const;
export type ObjectClass = keyof typeof CLASSES;

/** Several objects of one schema can have the same tag: they are counted. */
export const COUNTED: ReadonlySet<ObjectClass> = new Set([
  'operator',
  'operatorClass',
  'operatorFamily',
  'defaultRights',
]);

/** The class of each kind of archive entry. Kinds that are not here are not compared. */
export const CLASS_OF_KIND: Readonly<Record<string, ObjectClass>> = {
  SCHEMA: 'schema',
  EXTENSION: 'extension',
  TABLE: 'relation',
  VIEW: 'relation',
  'MATERIALIZED VIEW': 'relation',
  'FOREIGN TABLE': 'relation',
  'EXTERNAL TABLE': 'relation',
  SEQUENCE: 'relation',
  'SEQUENCE OWNED BY': 'ownedSequence',
  DEFAULT: 'default',
  CONSTRAINT: 'constraint',
  'CHECK CONSTRAINT': 'constraint',
  'FK CONSTRAINT': 'constraint',
  INDEX: 'index',
  'INDEX ATTACH': 'attached',
  'TABLE ATTACH': 'attached',
  STATISTICS: 'statistics',
  TRIGGER: 'trigger',
  RULE: 'rule',
  POLICY: 'policy',
  'ROW SECURITY': 'rowSecurity',
  TYPE: 'type',
  DOMAIN: 'type',
  'SHELL TYPE': 'type',
  FUNCTION: 'function',
  PROCEDURE: 'function',
  AGGREGATE: 'function',
  OPERATOR: 'operator',
  'OPERATOR CLASS': 'operatorClass',
  'OPERATOR FAMILY': 'operatorFamily',
  COLLATION: 'collation',
  CONVERSION: 'conversion',
  CAST: 'cast',
  TRANSFORM: 'transform',
  'PROCEDURAL LANGUAGE': 'language',
  'FOREIGN DATA WRAPPER': 'wrapper',
  SERVER: 'server',
  'USER MAPPING': 'userMapping',
  'ACCESS METHOD': 'accessMethod',
  'TEXT SEARCH PARSER': 'searchParser',
  'TEXT SEARCH DICTIONARY': 'searchDictionary',
  'TEXT SEARCH TEMPLATE': 'searchTemplate',
  'TEXT SEARCH CONFIGURATION': 'searchConfiguration',
  'DEFAULT ACL': 'defaultRights',
  'EVENT TRIGGER': 'eventTrigger',
  PUBLICATION: 'publication',
  'PUBLICATION TABLE': 'publishedTable',
  'PUBLICATION TABLES IN SCHEMA': 'publishedSchema',
  SUBSCRIPTION: 'subscription',
  PROTOCOL: 'protocol',
};

/** Classes whose objects are in no schema. An archive may name one anyway. */
export const WITHOUT_SCHEMA: ReadonlySet<ObjectClass> = new Set([
  'schema',
  'extension',
  'cast',
  'transform',
  'language',
  'wrapper',
  'server',
  'userMapping',
  'accessMethod',
  'eventTrigger',
  'publication',
  'publishedSchema',
  'subscription',
  'protocol',
]);

/** The words with which pg_dump tags comments and rights, longest first. */
export const CLASS_OF_WORD: readonly (readonly [string, ObjectClass])[] = Object.entries({
  ...CLASS_OF_KIND,
  COLUMN: 'column',
  FUNCTION: 'functionByArguments',
  PROCEDURE: 'functionByArguments',
  AGGREGATE: 'functionByArguments',
  LANGUAGE: 'language',
  'FOREIGN SERVER': 'server',
} satisfies Record<string, ObjectClass>).sort(
  ([a], [b]) => b.length - a.length,
) as readonly (readonly [string, ObjectClass])[];
