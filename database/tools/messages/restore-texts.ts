/** What texts of pg_restore begin with; of `creating`, the name of a kind follows. */
const PROGRESS = [
  '(?:creating|dropping|executing) [A-Z]',
  '(?:launching|finished|skipping|processing(?: missed)?) item \\d',
  '(?:entering|finished) main parallel loop',
  '(?:disabling|enabling) triggers for ',
  'connecting to (?:new )?database ',
  'setting owner and privileges for ',
  'processing data for table ',
];
const PLACE = [
  '(?:Error )?while (?:INITIALIZING|PROCESSING TOC|FINALIZING):',
  '(?:Error )?from TOC entry \\d+; ',
];
const ERROR = ['could not execute query: ', 'COPY failed for ', 'error returned by '];
const ENDED = 'errors ignored on restore: \\d';
const KNOWN = [...PROGRESS, ...PLACE, ...ERROR, ENDED].join('|');
/** Within a line, `creating` is followed by a quoted name: not every SQL text is a message. */
const GLUED = KNOWN.replace('executing) [A-Z]', 'executing) [A-Z][A-Z ]*"');
const LEVEL = '(?:error|fatal|warning|detail|hint): ?';

/** A text that pg_restore prints. */
export const STARTS = new RegExp(`^\\s*(?:${KNOWN})`);
export const STARTS_PROGRESS = new RegExp(`^\\s*(?:${PROGRESS.join('|')})`);
export const STARTS_PLACE = new RegExp(`^\\s*(?:${PLACE.join('|')})`);
/** The leader says so before the first job, and after the last. */
export const STARTS_JOBS = /^\s*(?:entering main parallel loop|launching item )/;
export const ENDS_JOBS = /^\s*finished main parallel loop/;
export const STARTS_ENDED = new RegExp(`^\\s*(?:${ENDED})`);
/** Other texts of errors, where one is expected. */
const OTHER_ERRORS = [
  'could not ',
  '(?:a )?worker process ',
  'connection to ',
  '(?:query failed|out of memory|server closed)',
  '(?:invalid|unexpected|unrecognized|unsupported) ',
];
export const STARTS_ERROR = new RegExp(`^\\s*(?:${[...ERROR, ...OTHER_ERRORS].join('|')})`);
export const NAME_AT = /\s*pg_restore:[ \t]*(\[[^\]]*\] ?)?/y;
export const LEVEL_AT = new RegExp(`\\s*(${LEVEL})`, 'y');
/** What may follow a name within the text of a statement, when the name is not of the statement. */
export const AFTER_NAME = new RegExp(`^(?:$|\\[|pg_restore:|${LEVEL}|${GLUED})`);
/** Where, within a line, another message can begin. */
export const MARK = new RegExp(
  `(?<name>pg_restore:[ \\t]*)|(?<level>(?:${LEVEL}\\s*)+(?=$|pg_restore:|${GLUED}))|${GLUED}`,
  'g',
);
