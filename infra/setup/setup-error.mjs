/** A failure that the user can do something about: its message is all that is printed. */
export class SetupError extends Error {
  /** @param {number} exitCode 1: a step failed; 2: the machine or the arguments are not what is needed */
  constructor(exitCode, message) {
    super(message);
    this.exitCode = exitCode;
  }
}
