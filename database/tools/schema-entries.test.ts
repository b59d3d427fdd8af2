import { describe, expect, it } from 'vitest';
import { selectSchemaEntries } from './schema-entries.ts';

/** From pg_restore --list --verbose of PostgreSQL 15.18, shortened. */
const LISTING = `;
; Archive created at 2026-11-22 19:36:00 UTC
;     dbname: d
;
3560; 0 0 ENCODING - ENCODING 
3563; 1262 16384 DATABASE - d postgres
8; 2615 16575 SCHEMA - app postgres
3564; 0 0 COMMENT - SCHEMA app postgres
;	depends on: 8
3; 3079 16490 EXTENSION - pg_trgm 
936; 1247 16572 TYPE public mood postgres
318; 1255 16577 FUNCTION app chk(integer) postgres
;	depends on: 8
317; 1255 16576 FUNCTION app f() postgres
;	depends on: 8
221; 1259 16601 TABLE app a postgres
;	depends on: 8
220; 1259 16591 TABLE app a b postgres
;	depends on: 8
219; 1259 16590 SEQUENCE app a b_id_seq postgres
;	depends on: 220 8
227; 1259 16646 SEQUENCE app free postgres
;	depends on: 8
229; 1259 16651 MATERIALIZED VIEW app mv postgres
;	depends on: 221 8
218; 1259 16579 TABLE app parent postgres
;	depends on: 318 936 2 2 8
3567; 0 0 COMMENT app COLUMN parent.n postgres
;	depends on: 218
3568; 0 0 ACL app TABLE parent postgres
;	depends on: 218
217; 1259 16578 SEQUENCE app parent_id_seq postgres
;	depends on: 218 8
3569; 0 0 SEQUENCE OWNED BY app parent_id_seq postgres
;	depends on: 217
224; 1259 16631 TABLE app part postgres
;	depends on: 8
225; 1259 16636 TABLE app part1 postgres
;	depends on: 224 8
228; 1259 16647 TABLE app usesfree postgres
;	depends on: 227 8
3381; 0 0 TABLE ATTACH app part1 postgres
;	depends on: 225 224
3382; 2604 16582 DEFAULT app parent id postgres
;	depends on: 218 217 218
3395; 2606 16595 CONSTRAINT app a b a b_pkey postgres
;	depends on: 220
3393; 2606 16587 CONSTRAINT app parent parent_pkey postgres
;	depends on: 218
3400; 2606 16635 CONSTRAINT app part part_pkey postgres
;	depends on: 224 224
3402; 2606 16640 CONSTRAINT app part1 part1_pkey postgres
;	depends on: 225 225 3400 225
3396; 1259 16617 INDEX app idx postgres
;	depends on: 220
3410; 0 0 COMMENT app INDEX idx postgres
;	depends on: 3396
3389; 1259 16616 INDEX app parent_n_idx postgres
;	depends on: 3 3 3 218
3411; 1259 16700 INDEX app mv_idx postgres
;	depends on: 3 229
3403; 0 0 INDEX ATTACH app part1_pkey postgres
;	depends on: 3402 225 3400 3400 225 224
3407; 2620 16623 TRIGGER app parent tr postgres
;	depends on: 218 317
3405; 2606 16596 FK CONSTRAINT app a b a b_p_fkey postgres
;	depends on: 218 220 3393
`;

function choose(names: readonly string[], withNeeds = true) {
  const chosen = selectSchemaEntries(
    LISTING,
    names.map((name) => ({ schema: 'app', name })),
    { withNeeds },
  );
  return {
    ...chosen,
    ids: chosen.list
      .split('\n')
      .filter(Boolean)
      .map((line) => Number.parseInt(line, 10)),
  };
}

describe('choosing tables from a schema archive', () => {
  it('takes a table with its parts and all that it needs, and nothing of other tables', () => {
    expect(choose(['parent'])).toMatchObject({
      ids: [8, 3564, 3, 936, 318, 317, 218, 3567, 3568, 217, 3569, 3382, 3393, 3389, 3407],
      missing: [],
      leftOut: [],
    });
  });
  it('takes only the parts when the rest already exists in the target', () => {
    expect(choose(['parent'], false).ids).toEqual([
      218, 3567, 3568, 217, 3569, 3382, 3393, 3389, 3407,
    ]);
  });
  it('does not confuse tables whose names begin alike, and takes comments on indexes', () => {
    expect(choose(['a'], false).ids).toEqual([221]);
    expect(choose(['a b'], false).ids).toEqual([220, 219, 3395, 3396, 3410]);
  });
  it('leaves a foreign key out, and names it, unless both tables are chosen', () => {
    expect(choose(['a b']).leftOut).toEqual(['FK CONSTRAINT app a b a b_p_fkey postgres']);
    expect(choose(['parent']).leftOut).toEqual([]);
    expect(choose(['a b', 'parent'])).toMatchObject({ leftOut: [] });
    expect(choose(['a b', 'parent']).ids).toContain(3405);
  });
  it('takes the root of a partition, with its constraints and the entries that attach them', () => {
    expect(choose(['part1']).ids).toEqual([8, 3564, 224, 225, 3381, 3400, 3402, 3403]);
  });
  it('takes a sequence that only a default uses', () => {
    expect(choose(['usesfree']).ids).toEqual([8, 3564, 227, 228]);
  });
  it('names the tables that are not in the archive', () => {
    expect(choose(['nowhere']).missing).toEqual([{ schema: 'app', name: 'nowhere' }]);
  });
});
