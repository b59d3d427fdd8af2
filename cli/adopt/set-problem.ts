/** What is wrong with a set of another tool. */
export interface SetProblem {
  /** The name of the file, or the path where a name is there twice. */
  readonly file: string;
  /** Of the segment whose rows are concerned; absent: of the set or its definitions. */
  readonly content?: number;
  readonly message: string;
}

/** A set of which too little is sound to take anything. */
export class UnsoundSet extends Error {
  readonly problems: readonly SetProblem[];

  constructor(problems: readonly SetProblem[]) {
    super(problems[0]?.message);
    this.problems = problems;
  }
}
