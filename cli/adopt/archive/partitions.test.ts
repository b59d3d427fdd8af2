import { expect, test } from 'vitest';
import { partitionsOf } from './partitions.ts';

const TWO_LEVELS = `CREATE TABLE p (
    id integer,
    "partition" text
)
WITH (appendonly=true) DISTRIBUTED BY (id) PARTITION BY RANGE(yr)
          SUBPARTITION BY LIST(region)
          (
          START (2018) END (2019) EVERY (1) WITH (tablename='p_1_prt_1', appendonly=true )
                  (
                  SUBPARTITION eu VALUES('e''u') WITH (tablename='p_1_prt_1_2_prt_eu', appendonly=true ),
                  DEFAULT SUBPARTITION oth  WITH (tablename='p_1_prt_1_2_prt_oth', appendonly=true )
                  ),
          DEFAULT PARTITION other  WITH (tablename='p_1_prt_other', appendonly=true )
                  (
                  DEFAULT SUBPARTITION oth  WITH (tablename='p_1_prt_other_2_prt_oth' )
                  )
          );`;

test('middle levels of a partitioned table are told from its leaves', () => {
  const found = partitionsOf(TWO_LEVELS);
  expect([...(found?.middles ?? [])]).toEqual(['p_1_prt_1', 'p_1_prt_other']);
  expect([...(found?.leaves ?? [])]).toEqual([
    'p_1_prt_1_2_prt_eu',
    'p_1_prt_1_2_prt_oth',
    'p_1_prt_other_2_prt_oth',
  ]);
});

test('a table without partitions is none', () => {
  expect(partitionsOf('CREATE TABLE t (a integer) DISTRIBUTED BY (a);')).toBeUndefined();
  expect(partitionsOf('CREATE VIEW v AS SELECT 1;')).toBeUndefined();
});
