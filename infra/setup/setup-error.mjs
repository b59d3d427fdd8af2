/** A failure that the user can correct: only its message is printed. */
export class SetupError extends Error {
  /** @param {number} exitCode 1: a step failed; 2: the machine or the arguments must be changed */
  constructor(exitCode, message) {
    super(message);
    this.exitCode = exitCode;
  }
}
