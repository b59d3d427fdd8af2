import type { Name } from '../../../../backup-set/base/document.ts';
import type { DefinedObject } from '../../../../backup-set/documents/plan.ts';
import { sequenceValue } from '../../archive/script-objects.ts';
import type { ArchivedObject } from '../../archive/write-archive.ts';
import { nameDecoder } from '../../script/name-decoder.ts';
import type { DumpFacts } from '../dump.ts';
import { localeIn } from '../locale.ts';
import { partitionRootsOf } from '../partition-roots.ts';
import type { RawEntry, RawToc } from './raw-toc.ts';
import { writeToc } from './write-toc.ts';

/** These are rows, or values that the set keeps elsewhere. */
const NOT_DEFINITIONS = [
  'TABLE DATA',
  'SEQUENCE SET',
  'MATERIALIZED VIEW DATA',
  'STATISTICS DATA',
  'BLOB',
  'BLOBS',
  'BLOB METADATA',
];
const REMARKS = ['ACL', 'COMMENT', 'SECURITY LABEL'];
const SETTINGS = ['ENCODING', 'STDSTRINGS', 'SEARCHPATH'];
const SECTIONS = { 1: 'none', 2: 'pre-data', 4: 'post-data' } as const;

export function isOfLargeObject({ kind, tag }: RawEntry): boolean {
  return kind.startsWith('BLOB') || (REMARKS.includes(kind) && /^LARGE OBJECTS? /.test(tag));
}

/** The entries of `large-objects.dump`: as `pg_dump --data-only --blobs` writes them. */
export const largeObjectEntries = ({ entries }: RawToc): readonly RawEntry[] =>
  entries.filter((entry) => SETTINGS.includes(entry.kind) || isOfLargeObject(entry));

/** What the table of contents of an archive says. */
export function archiveFacts(toc: RawToc): DumpFacts {
  const { entries } = toc;
  const settingOf = (kind: string) => {
    const text = entries.find((entry) => entry.kind === kind)?.definition ?? '';
    return /= '([^']*)'/.exec(text)?.[1];
  };
  const encoding = settingOf('ENCODING') ?? 'UTF8';
  const decode = nameDecoder(encoding);
  const definitions = entries.filter(
    (entry) => !NOT_DEFINITIONS.includes(entry.kind) && !isOfLargeObject(entry),
  );
  const named = ({ schema = '', tag }: RawEntry): Name => ({
    schema: decode(schema),
    name: decode(tag),
  });
  const ofKind = (kind: string) => entries.filter((entry) => entry.kind === kind);
  const creation = ofKind('DATABASE')[0]?.definition ?? '';
  return {
    database: decode(toc.database),
    encoding,
    serverVersion: versionIn(toc.serverVersion),
    dumpVersion: versionIn(toc.dumpVersion),
    locale: localeIn(creation),
    standardStrings: settingOf('STDSTRINGS') !== 'off',
    archive: () =>
      writeToc(
        toc,
        definitions.map((entry) => ({ ...entry, hasData: false })),
      ),
    objects: objectsOf(definitions),
    sequences: ofKind('SEQUENCE SET').map(({ definition = '', schema = '' }) =>
      sequenceValue(definition.trim(), schema),
    ),
    refresh: ofKind('MATERIALIZED VIEW DATA').map(named),
    partitionRoots: partitionRootsOf(
      ofKind('TABLE ATTACH').map(({ definition = '' }) => definition),
      decode,
    ),
    leftOut: leftOutOf(toc, named),
  };
}

const versionIn = (text: string) => text.replace(/ .*/s, '');

function leftOutOf(toc: RawToc, named: (entry: RawEntry) => Name): DefinedObject[] {
  const statistics = toc.entries.filter(({ kind }) => kind === 'STATISTICS DATA');
  const hasObjects = toc.entries.some(({ kind, hasData }) => kind === 'BLOBS' && hasData);
  const objects = toc.entries.filter(({ kind }) => kind === 'BLOB' || kind === 'BLOB METADATA');
  return [
    ...statistics.map((entry) => {
      const { schema, name } = named(entry);
      return { kind: 'statistics', name: schema === '' ? name : `${schema}.${name}` };
    }),
    // A dump of definitions only has these entries, and no data for them.
    ...(hasObjects ? [] : objects.map(({ tag }) => ({ kind: 'large object', name: tag }))),
  ];
}

/** The definitions as objects of a script, for an archive that another program reads. */
function objectsOf(entries: readonly RawEntry[]): ArchivedObject[] {
  const kept = entries.filter(({ kind }) => !['ENCODING', 'STDSTRINGS'].includes(kind));
  const positions = new Map(kept.map(({ id }, at) => [id, at]));
  return kept.map((entry) => ({
    tag: entry.tag,
    kind: entry.kind,
    schema: entry.schema ?? '',
    owner: entry.owner ?? '',
    tablespace: entry.tablespace ?? '',
    oids: entry.withOids === 'true',
    section: SECTIONS[entry.section as keyof typeof SECTIONS] ?? 'none',
    statements:
      entry.definition === undefined || entry.definition === ''
        ? []
        : [entry.definition.replace(/\n$/, '')],
    owned: /^DROP (.+);\n$/s.exec(entry.drop ?? '')?.[1],
    dependsOn: entry.dependsOn.flatMap((id) => positions.get(id) ?? []),
  }));
}
