import { StowageError } from '../../backup-set/base/errors.ts';
import { plural } from '../../backup-set/base/words.ts';
import { runExpiry } from '../../functions/retention/expire.ts';
import { removeLeftovers } from '../../functions/retention/leftovers.ts';
import { measureExpiry } from '../../functions/retention/measure.ts';
import { planExpiry } from '../../functions/retention/plan.ts';
import { expiryProblems } from '../../functions/retention/steps-apart.ts';
import type { ClusterCommand } from '../command.ts';
import type { ClusterContext } from '../context.ts';
import { withStore } from '../open.ts';
import {
  exitOfLook,
  lookWith,
  unreadableLines,
  unreadableValue,
} from '../output/storage/unreadable.ts';
import { freedLine, leftLines, planText, planValue, reportText } from '../retention/text.ts';
import { functionDeps } from '../wait-for-functions.ts';

export const expireCommand: ClusterCommand = {
  usage: 'expire',
  summary:
    'expire the sets that no rule of `retention:` keeps, and remove those whose grace is over',
  details: [
    'Without --yes it prints each set with the rule that keeps it or why it goes, and what would be freed. It changes nothing.',
    'An expired set is hidden and cannot be restored. It is removed by the first expire after retention.graceHours; until then `stowage unexpire` takes it back.',
    'Exit code 3: an object could not be read or removed; its set stays, and the others are treated.',
    'Packs that other sets need stay until no set needs them. An interrupted expire is continued by the next one.',
  ].join('\n'),
  flags: [['--yes', 'expire and remove sets']],
  cluster: () => ({}),
  async run({ flags, context }) {
    const rules = rulesOf(context);
    return withStore(context, async (store) => {
      const look = lookWith(functionDeps(context, store));
      const { deps } = look;
      const plan = await planExpiry(deps, rules);
      if (flags['yes'] !== true) {
        const measured = await measureExpiry(deps, plan);
        const text = [
          planText(plan, measured, context.output.screen),
          freedLine('would free in the end', measured),
          ...unreadableLines(look.unreadable()),
          'nothing was changed; add --yes to expire',
        ].join('\n');
        const value = { root: store.url, done: false, ...planValue(plan, measured) };
        context.output.result({ ...value, ...unreadableValue(look.unreadable()) }, text);
        return exitOfLook(look.unreadable());
      }
      const report = await runExpiry(deps, rules, plan, ({ step, timestamp }) =>
        context.output.draw([
          step === 'expire' ? `expiring set ${timestamp}` : `removing set ${timestamp}`,
        ]),
      );
      const leftovers = await removeLeftovers(deps, rules);
      const value = {
        ...{ root: store.url, done: true, ...planValue(plan, []), ...report, leftovers },
        ...unreadableValue(look.unreadable()),
      };
      const problems = expiryProblems(report, leftovers);
      const isNamed = (object: string) => problems.some((problem) => problem.includes(object));
      const others = look.unreadable().filter(({ object }) => !isNamed(object));
      const text = [
        reportText(report, rules.graceHours),
        ...(leftovers.runs > 0
          ? [`${plural(leftovers.runs, 'old restore or task', 'old restores and tasks')} removed`]
          : []),
        ...leftLines(problems),
        ...unreadableLines(others),
      ].join('\n');
      context.output.result(value, text);
      return problems.length > 0 ? 3 : exitOfLook(look.unreadable());
    });
  },
};

function rulesOf({ config }: ClusterContext) {
  if (config.retention !== undefined) return config.retention;
  throw new StowageError(
    'config/missing',
    'no rules of retention are configured: add retention: to the configuration, for example keepLast: 7',
    { where: { field: 'retention' } },
  );
}
