/**
 * What can be wrong with a set, or with one content of a restore: the codes in `problems` of
 * verdicts, receipts and outcomes. docs/errors.md is printed from this table, too.
 */
export const PROBLEMS = {
  'segment-failed': {
    meaning:
      'the shipper or agent of the content failed, was lost or was stopped; the message has the cause and its code',
    hint: 'correct the cause (the code in the message has its own line above), then run the backup or restore again',
  },
  'content-missing': {
    meaning:
      'a content did not deliver everything that the plan names; it follows from the failure of this or another content',
    hint: 'correct the failure that is listed first, then back up again',
  },
  'content-too-large': {
    meaning: 'the content has more extents than one manifest part may name',
    hint: 'raise `backup.frameBytes`, or back up in several sets',
  },
  'receipt-missing': {
    meaning: 'the seal names a receipt that is not stored',
    hint: 'check that no lifecycle rule or other program deletes objects under the root; back up again',
  },
  'receipt-altered': {
    meaning: 'a receipt is not the one that the seal names, or its key gave different contents',
    hint: 'check which program writes under the root; use another set',
  },
  'receipt-unreadable': {
    meaning: 'a receipt is not a valid document of this format',
    hint: 'check which program writes under the root, and that all hosts have the same version; use another set',
  },
  'relation-incomplete': {
    meaning:
      'fewer rows or bytes of a table arrived than the database counted, or it was not counted',
    hint: 'back up again; if it happens again, report it with the log of the shipper',
  },
  'relation-surplus': {
    meaning: 'more rows or bytes of a table arrived than the database counted',
    hint: 'back up again; if it happens again, report it with the log of the shipper',
  },
  'metadata-missing': {
    meaning: 'a file with definitions, roles, sequences or large objects did not arrive',
    hint: 'look for the failure of its content, then back up again',
  },
  'file-missing': {
    meaning: 'a file of gpbackup, or its receipt, did not arrive',
    hint: 'look at the log of gpbackup for the upload that failed, then back up again',
  },
  'pack-not-tiled': {
    meaning: 'the extents of a receipt leave a gap in its pack or overlap',
    hint: 'use another set; report it with the receipt',
  },
  'document-unreadable': {
    meaning: 'a document of the set, restore or task is not valid',
    hint: 'check which program writes under the root, and that all hosts have the same version; use another set or a copy',
  },
  'documents-disagree': {
    meaning:
      'two documents, or a document and its key, contradict each other; the message has both values',
    hint: 'check which program writes under the root; use another set or a copy',
  },
  'object-missing': {
    meaning: 'an object that the manifest or another document names is not stored',
    hint: 'look for lifecycle rules and deletions; bring it back with `stowage repair TIMESTAMP --from ROOT-OF-A-COPY`',
  },
  'key-missing': {
    meaning:
      'the set is encrypted, and no document with its key, or with the key of an older set whose packs it uses, is stored: nothing can be decrypted',
    hint: 'look for lifecycle rules and deletions; bring the key back with `stowage repair TIMESTAMP --from ROOT-OF-A-COPY`',
  },
  'not-proven': {
    meaning:
      'the set is encrypted, and its seal or a document with its key is not what its backup wrote: another program replaced it',
    hint: 'find out which program writes under the root; restore another set, or `stowage repair TIMESTAMP --from ROOT-OF-A-COPY`',
  },
  'size-differs': {
    meaning: 'an object has another size than its receipt says',
    hint: 'the object was cut or replaced: `stowage repair TIMESTAMP --from ROOT-OF-A-COPY`',
  },
  'etag-differs': {
    meaning:
      'an object was written again since the backup: its ETag differs from that of its receipt, and its bytes differ or could not be read',
    hint: 'bring it back with `stowage repair TIMESTAMP --from ROOT-OF-A-COPY`, or restore from a copy',
  },
  'digest-differs': {
    meaning: 'bytes of an object differ from the checksum of its receipt',
    hint: 'the object is damaged: keep all other copies, and `stowage repair TIMESTAMP --from ROOT-OF-A-COPY`',
  },
  'frame-unreadable': {
    meaning: 'a frame cannot be decompressed, is cut off, or holds another number of rows',
    hint: 'the object is damaged: keep all other copies, and restore from one of them',
  },
  'lock-not-extended': {
    meaning:
      'the retention of an object that the set uses could not be extended: it is locked for a shorter time than the set',
    hint: 'correct the cause in the message (the rights of ExtendRetention in docs/security.md); the sweeper tries again',
  },
  overdue: {
    meaning: 'a set without a seal got no new object for `backup.overdueAfterSeconds`',
    hint: 'find out why the backup ended without a seal (a killed process, a lost host), then back up again',
  },
  'set-expired': {
    meaning: 'the set of a restore or task has expired, or has been removed',
    hint: 'choose another set, or take the expiry back with `stowage unexpire TIMESTAMP` and try again',
  },
  'request-impossible': {
    meaning: 'the request for a restore does not fit the set or the target',
    hint: 'correct what the message names, and restore again',
  },
  'target-refused': {
    meaning: 'a target server refused the order before it changed anything',
    hint: 'correct what the message names: the target database was not changed by this order',
  },
  'order-failed': {
    meaning:
      'an order of a restore failed, or its receipts do not have the rows of the plan; the message has the reason',
    hint: 'correct the cause, and continue with `stowage restore --resume ID` (with the same --identity)',
  },
  'object-not-made': {
    meaning:
      'an object of the set was not made in the target: the server rejected its statement, and the restore went on',
    hint: 'correct the cause, and make it with `stowage restore --resume ID` (with the same --identity); with --into-schema or --as create it by hand',
  },
  'key-conflict': {
    meaning:
      'several contents of the set go into one server (--map), and a key of a table rejects their rows',
    hint: 'when the contents have the same rows, restore again with --reference SCHEMA.TABLE; otherwise exclude the table or choose another map. Or give the rows in the target other keys (UPDATE; a resume loads a table again that has another number of rows), and continue with `stowage restore --resume ID` (with the same --identity)',
  },
  'need-missing': {
    meaning:
      'a chosen object was not restored, because it needs another object that is neither selected nor in the target',
    hint: 'drop what was restored and select what it needs, too; or create that in the target: --section post-data then makes keys, indexes and triggers. With --truncate, create the object and restore again. --allow-missing accepts it',
  },
  'view-not-refreshed': {
    meaning:
      'a materialized view was made and holds no rows: the server rejected its REFRESH, and the restore went on',
    hint: 'correct the cause, and run REFRESH MATERIALIZED VIEW, or `stowage restore --resume ID` (with the same --identity)',
  },
  'relation-not-loaded': {
    meaning:
      'the rows of a table were not loaded, because the table was not made, and the restore went on (--on-error continue)',
    hint: 'correct why the table was not made, and continue with `stowage restore --resume ID` (with the same --identity)',
  },
  'count-differs': {
    meaning:
      'after a restore, a table of the target has another number of rows than the manifest says',
    hint: 'stop other writers, and continue with `stowage restore --resume ID` (with the same --identity), which loads the table again',
  },
  'schema-object-missing': {
    meaning:
      'after a restore, the target lacks an index, constraint, trigger or other object that the schema archive of the set has',
    hint: 'create the object from the schema archive (docs/restore-by-hand.md), or restore into a new database with --create',
  },
  'objects-failed': {
    meaning:
      'after a restore, the schema objects of the target could not be compared with the set; the message has the reason',
    hint: 'correct the cause, and restore again; --no-objects restores without the comparison',
  },
  'drill-failed': {
    meaning:
      'a drill could not restore the set into its scratch database; the message has the reason',
    hint: 'correct the cause and run `stowage drill` again; a restore into the real cluster may fail in the same way',
  },
  'rows-differ': {
    meaning:
      'after a drill, the rows of a table in the target are not those of the set, although their number is the same',
    hint: 'look for triggers, rules and settings in the target that change rows; run `stowage verify TIMESTAMP`, and report it when that finds nothing',
  },
  'count-failed': {
    meaning:
      'after a restore, the rows of a table could not be counted; the message has the reason',
    hint: 'correct the cause (locks, row security, rights), and restore again or count by hand',
  },
} as const;

export type ProblemCode = keyof typeof PROBLEMS;
