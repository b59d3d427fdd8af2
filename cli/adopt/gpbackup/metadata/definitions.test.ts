import { expect, test } from 'vitest';
import { BackupConfig, Toc } from '../documents.ts';
import type { Link } from '../read-links.ts';
import { definitionsOf } from './definitions.ts';

const TIMESTAMP = '20260131120000';
const SESSION = "\nSET client_encoding = 'UTF8';\n";
const TABLE = '\n\nCREATE TABLE public.t (\n\ta integer\n) DISTRIBUTED BY (a);\n';
const INDEX = '\n\nCREATE INDEX i ON public.t USING btree (a);\n';

const entry = (objecttype: string, name: string, startbyte: number, text: string) => ({
  ...{ schema: 'public', name, objecttype, referenceobject: '' },
  ...{ startbyte, endbyte: startbyte + text.length },
});

/** A set whose metadata.sql begins with these statements for the session. */
function linkOf(session: string): Link {
  const toc = Toc.parse({
    globalentries: [{ ...entry('SESSION GUCS', '', 0, session), schema: '' }],
    predataentries: [entry('TABLE', 't', session.length, TABLE)],
    postdataentries: [entry('INDEX', 'i', session.length + TABLE.length, INDEX)],
  });
  const config = BackupConfig.parse({
    backupversion: '1.30.5',
    compressed: false,
    databasename: 'shop',
    databaseversion: '7.1.0',
    timestamp: TIMESTAMP,
  });
  return { timestamp: TIMESTAMP, config, toc, options: '', files: new Map(), place: '' };
}

const fileOf = (session: string) => Buffer.from(session + TABLE + INDEX);

test('each statement of metadata.sql becomes an object', () => {
  const { objects } = definitionsOf(fileOf(SESSION), linkOf(SESSION));
  expect(objects.map(({ kind, tag }) => `${kind} ${tag}`)).toEqual(['TABLE t', 'INDEX i']);
});

test('statements that the table of contents does not name are not left out silently', () => {
  const link = linkOf(SESSION);
  const cut = { ...link, toc: { ...link.toc, postdataentries: [] } };
  const [from, to] = [SESSION.length + TABLE.length, fileOf(SESSION).length];
  expect(() => definitionsOf(fileOf(SESSION), cut)).toThrow(
    `gpbackup_${TIMESTAMP}_toc.yaml does not name its bytes ${from} to ${to}`,
  );
  const lacking = { ...link, toc: { ...link.toc, predataentries: [] } };
  expect(() => definitionsOf(fileOf(SESSION), lacking)).toThrow('does not name its bytes');
});

test('the encoding is read also from an older version, which sets more for the session', () => {
  const session = "\nSET statement_timeout = 0;\nSET client_encoding = 'LATIN1';\nSET x = off;\n";
  expect(definitionsOf(fileOf(session), linkOf(session)).encoding).toBe('LATIN1');
});
