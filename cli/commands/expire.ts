import { StowageError } from '../../backup-set/base/errors.ts';
import { plural } from '../../backup-set/base/words.ts';
import { runExpiry } from '../../functions/retention/expire.ts';
import { removeLeftovers } from '../../functions/retention/leftovers.ts';
import { measureExpiry } from '../../functions/retention/measure.ts';
import { planExpiry } from '../../functions/retention/plan.ts';
import type { ClusterCommand } from '../command.ts';
import type { ClusterContext } from '../context.ts';
import { withStore } from '../open.ts';
import { freedLine, planText, planValue, reportText } from '../retention/text.ts';
import { functionDeps } from '../wait-for-functions.ts';

export const expireCommand: ClusterCommand = {
  usage: 'expire',
  summary:
    'expire the sets that no rule of `retention:` keeps, and remove those whose grace is over',
  details: [
    'Without --yes it prints each set with the rule that keeps it or why it goes, and what would be freed. It changes nothing.',
    'An expired set is hidden and cannot be restored. It is removed by the first expire after retention.graceHours; until then `stowage unexpire` takes it back.',
    'Packs that other sets need stay until no set needs them. An interrupted expire is continued by the next one.',
  ].join('\n'),
  flags: [['--yes', 'expire and remove sets']],
  cluster: () => ({}),
  async run({ flags, context }) {
    const rules = rulesOf(context);
    return withStore(context, async (store) => {
      const deps = functionDeps(context, store);
      const plan = await planExpiry(deps, rules);
      if (flags['yes'] !== true) {
        const measured = await measureExpiry(deps, plan);
        const text = [
          planText(plan, measured, context.output.screen),
          freedLine('would free in the end', measured),
          'nothing was changed; add --yes to expire',
        ].join('\n');
        context.output.result({ root: store.url, done: false, ...planValue(plan, measured) }, text);
        return 0;
      }
      const report = await runExpiry(deps, rules, plan, ({ step, timestamp }) =>
        context.output.draw([
          step === 'expire' ? `expiring set ${timestamp}` : `removing set ${timestamp}`,
        ]),
      );
      const leftovers = await removeLeftovers(deps, rules);
      const value = { root: store.url, done: true, ...planValue(plan, []), ...report, leftovers };
      const text = [
        reportText(report, rules.graceHours),
        ...(leftovers.runs > 0
          ? [`${plural(leftovers.runs, 'old restore or task', 'old restores and tasks')} removed`]
          : []),
      ].join('\n');
      context.output.result(value, text);
      return 0;
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
