import { type RolesKeptField, rolesKeptField } from '../../documents/restore/found.ts';
import type { RestoreReceipt } from '../../documents/restore/restore.ts';

/** Collects from receipts the roles that existed before; the servers usually have the same. */
export function gatherRolesKept() {
  const names = new Set<string>();
  let most = 0;
  return {
    add({ rolesKept }: Pick<RestoreReceipt, 'rolesKept'>): void {
      for (const name of rolesKept?.names ?? []) names.add(name);
      most = Math.max(most, rolesKept?.total ?? 0);
    },
    field: (): RolesKeptField => rolesKeptField([...names].sort(), Math.max(most, names.size)),
  };
}
