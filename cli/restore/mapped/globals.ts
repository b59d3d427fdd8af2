import type { Problem } from '../../../backup-set/base/verdict.ts';
import { fileOf } from '../../../backup-set/restore/order-bodies.ts';
import { globalStatements } from '../../../database/globals/statements.ts';
import { readText } from '../../../segment-shipper/read/read-text.ts';
import type { TargetCheck } from '../target-check/target-check.ts';
import { requirePart } from './parts.ts';

/** Roles and tablespaces of other contents that the globals of the first one do not make. */
export async function globalReasons(
  check: TargetCheck,
  from: readonly number[],
): Promise<Problem[]> {
  const [first, ...others] = from;
  if (!check.request.globals || first === undefined || others.length === 0) return [];
  const known = new Set((await globalsOf(check, first)).map(({ label }) => label));
  const reasons: Problem[] = [];
  for (const content of others)
    for (const { label, schemaObject } of await globalsOf(check, content))
      if (!known.has(label))
        reasons.push({
          code: 'target-refused',
          content,
          schemaObject,
          message: `${label} is on content ${content}, and not on content ${first}, whose globals their server gets. Name content ${content} first in its rule, or create it and leave out --globals`,
        });
  return reasons;
}

async function globalsOf(check: TargetCheck, content: number) {
  const { context, store } = check;
  const stored = fileOf(await requirePart(check, content), 'globals.sql.zst');
  if (stored === undefined) return [];
  const text = await readText(store, stored, context);
  return [...globalStatements(text, stored.key)].flatMap(({ effect, named }) => {
    if (effect.kind !== 'makes') return [];
    const name = named(effect.name);
    const schemaObject = { kind: effect.object, schema: '', name };
    return [{ label: `${effect.object} ${name}`, schemaObject }];
  });
}
