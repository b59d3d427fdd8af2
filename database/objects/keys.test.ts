import { expect, test } from 'vitest';
import { madeKey } from './keys.ts';

const keyOf = (kind: string, text: string) =>
  madeKey({ kind, schema: 's', definition: () => text });

test.each([
  ['CONSTRAINT', 'ALTER TABLE ONLY s.t\n    ADD CONSTRAINT t_pkey PRIMARY KEY (id);\n', 't', true],
  ['CONSTRAINT', 'ALTER TABLE s.t\n    ADD CONSTRAINT "a b" UNIQUE (id);\n', 't', false],
  [
    'CONSTRAINT',
    'ALTER TABLE ONLY s."T.2 x"\n    ADD CONSTRAINT c EXCLUDE USING gist (r WITH &&);',
    'T.2 x',
    false,
  ],
  ['INDEX', 'CREATE UNIQUE INDEX "i ON x" ON s.t USING btree (id);\n', 't', false],
  ['INDEX', 'CREATE UNIQUE INDEX i ON ONLY s."t""q" USING btree (id);', 't"q', false],
  ['CONSTRAINT', 'ALTER TABLE ONLY t\n    ADD CONSTRAINT t_pkey PRIMARY KEY (id);', 't', true],
])('%s %j makes a key of %j, primary: %j', (kind, text, name, isPrimary) => {
  expect(keyOf(kind, text)).toEqual({ table: { schema: 's', name }, isPrimary });
});

test.each([
  ['INDEX', 'CREATE INDEX i ON s.t USING btree (id);'],
  ['CONSTRAINT', 'ALTER TABLE s.t\n    ADD CONSTRAINT "UNIQUE" CHECK ((a > 0)) NOT VALID;'],
  [
    'FK CONSTRAINT',
    'ALTER TABLE ONLY s.t\n    ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES s.u(id);',
  ],
  ['TABLE', 'CREATE TABLE s.t (\n    id integer\n);'],
])('%s %j makes no key', (kind, text) => {
  expect(keyOf(kind, text)).toBeUndefined();
});
