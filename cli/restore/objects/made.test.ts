import { expect, test } from 'vitest';
import type { Section } from '../../../backup-set/documents/restore/choices.ts';
import type { ArchiveObject } from '../../../database/objects/expected.ts';
import { madeBy } from './made.ts';

const object = (kind: string, section: ArchiveObject['section']): ArchiveObject => ({
  id: 1,
  kind,
  schema: 's',
  name: kind,
  section,
  dependsOn: [],
  inline: undefined,
  setsNull: false,
});
const objects = [
  object('TABLE', 'pre-data'),
  object('ACL', 'none'),
  object('INDEX', 'post-data'),
  object('COMMENT', 'none'),
  object('DEFAULT ACL', 'post-data'),
];
const PRE: Section[] = ['pre-data'];
const POST: Section[] = ['data', 'post-data'];

test.each([
  [{}, ['TABLE', 'ACL', 'INDEX', 'COMMENT', 'DEFAULT ACL']],
  [{ sections: PRE }, ['TABLE', 'ACL']],
  [{ sections: POST }, ['INDEX', 'COMMENT', 'DEFAULT ACL']],
  [{ sections: ['data'] as Section[] }, []],
  [{ noAcl: true as const }, ['TABLE', 'INDEX', 'COMMENT']],
  [{ sections: POST, noAcl: true as const }, ['INDEX', 'COMMENT']],
])('after a restore with %j, these objects are looked for: %j', (choices, kinds) => {
  const made = objects.filter(madeBy(choices, objects));
  expect(made.map(({ kind }) => kind)).toEqual(kinds);
});
