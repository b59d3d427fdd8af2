import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * Files that take half a minute or more, the longest first. Started last, one of them would run
 * alone at the end. A name that is missing here costs time only.
 */
const LONG = [
  'test/e2e/events.test.ts',
  'test/e2e/round-trip.test.ts',
  'test/e2e/interrupted-backup.test.ts',
  'test/e2e/agents-backup.test.ts',
  'test/chaos/campaign/campaign.test.ts',
  'test/e2e/restore-by-hand.test.ts',
  'test/stack/round-trip.test.ts',
  'test/e2e/runbooks/runbooks.test.ts',
  'test/e2e/restores/resumed.test.ts',
  'test/e2e/agents.test.ts',
  'test/e2e/restores/one-at-a-time.test.ts',
  'test/e2e/encrypted/orders.test.ts',
  'test/e2e/preflight/functions.test.ts',
  'test/e2e/damage.test.ts',
  'test/e2e/silent/stalled-backend.test.ts',
  'test/stack/failures.test.ts',
  'test/stack/chaos.test.ts',
  'test/stack/template.test.ts',
  'test/integration/adopt/places.test.ts',
  'test/integration/cli/demo.test.ts',
];

/** Orders files by the groups of vitest.config.ts, and in each group the longest first. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const order = (spec: TestSpecification) => spec.project.config.sequence.groupOrder;
    return (await super.sort(files)).toSorted((a, b) => order(a) - order(b) || rank(a) - rank(b));
  }
}

function rank({ moduleId }: TestSpecification): number {
  const place = LONG.findIndex((name) => moduleId.endsWith(`/${name}`));
  return place < 0 ? LONG.length : place;
}
