/** Prefixes of the objects of a set, for listings. */

export const SETS = 'sets/';
/** Folder of the parts of a seal. */
export const SEAL_PARTS = 'seals';

/** Prefix of all objects of a set. */
export function setPrefix(timestamp: string): string {
  return `${SETS}${timestamp.slice(0, 8)}/${timestamp}/`;
}

/** Prefix of the marks of a set: tombstones, holds, readers. */
export function retentionPrefix(timestamp: string): string {
  return `${setPrefix(timestamp)}retention/`;
}

/** Prefix of the records of `extend-retention`. */
export function locksPrefix(timestamp: string): string {
  return `${setPrefix(timestamp)}locks/`;
}

/** Prefix of the documents that hold the wrapped key of a set. */
export function setKeysPrefix(timestamp: string): string {
  return `${setPrefix(timestamp)}keys/`;
}

/** Prefix of all receipts of a set. */
export function receiptsPrefix(timestamp: string): string {
  return `${setPrefix(timestamp)}receipts/`;
}

/** Prefix of the parts of a seal, one object per content. */
export function sealPartsPrefix(timestamp: string): string {
  return `${setPrefix(timestamp)}${SEAL_PARTS}/`;
}

/** Prefix of the orders, claims or reports of agents for a set, one object per content. */
export function agentsPrefix(timestamp: string, what: 'orders' | 'claims' | 'reports'): string {
  return `${setPrefix(timestamp)}${what}/`;
}
