import type { ArchivedObject } from '../../archive/write-archive.ts';
import { writeArchive } from '../../archive/write-archive.ts';
import { nameDecoder } from '../../script/name-decoder.ts';
import type { DumpFacts } from '../dump.ts';
import { localeIn } from '../locale.ts';
import { partitionRootsOf } from '../partition-roots.ts';
import { scriptDependencies } from './dependencies.ts';
import { withLineBreaks } from './line-breaks.ts';
import { withTable } from './objects.ts';
import type { ScriptState } from './state.ts';

const SEARCH_PATH: ArchivedObject = {
  tag: 'SEARCHPATH',
  kind: 'SEARCHPATH',
  schema: '',
  owner: '',
  tablespace: '',
  oids: false,
  section: 'none',
  statements: ["SELECT pg_catalog.set_config('search_path', '', false);"],
  owned: undefined,
  dependsOn: [],
};

/** What a script says of a database besides rows. */
export function scriptFacts(state: ScriptState): DumpFacts {
  const { encoding, standardStrings, serverVersion, dumpVersion } = state;
  const decode = nameDecoder(encoding);
  const own = scriptDependencies(withLineBreaks(state.objects).map(withTable));
  const objects = state.isQualified
    ? [SEARCH_PATH, ...own.map((one) => ({ ...one, dependsOn: one.dependsOn.map((at) => at + 1) }))]
    : own;
  const database = state.database ?? tagOf(state, 'DATABASE');
  const statements = (kind: string) =>
    state.objects.filter((object) => object.kind === kind).flatMap((object) => object.statements);
  const lost = state.hasLargeObjects
    ? []
    : state.largeObjects.filter(({ kind }) => kind === 'BLOB');
  return {
    database: database === undefined ? undefined : decode(database),
    encoding,
    serverVersion,
    dumpVersion,
    locale: localeIn(statements('DATABASE')[0] ?? ''),
    standardStrings,
    archive: () =>
      writeArchive(
        {
          database: database ?? '',
          encoding,
          standardStrings,
          version: serverVersion || dumpVersion,
        },
        objects,
      ),
    objects,
    sequences: state.sequences,
    largeObjects: state.largeObjects,
    lateRights: state.lateRights,
    refresh: state.refresh.map(({ schema, name }) => ({
      schema: decode(schema),
      name: decode(name),
    })),
    partitionRoots: partitionRootsOf(statements('TABLE ATTACH'), decode),
    leftOut: [
      ...[...state.statistics].map((name) => ({ kind: 'statistics', name: decode(name) })),
      ...lost.map(({ tag }) => ({ kind: 'large object', name: tag })),
    ],
  };
}

const tagOf = (state: ScriptState, kind: string) =>
  state.objects.find((object) => object.kind === kind)?.tag;
