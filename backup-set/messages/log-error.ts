/**
 * Makes pino's `err` serializer show an error's own message. pino appends the messages of all
 * causes, which our messages quote already; its `stack` shows the causes.
 */
export function withOwnMessage<Shown extends object>(
  serialize: (error: Error) => Shown,
): (error: Error) => Shown {
  return (error) => {
    const shown = serialize(error);
    return error instanceof Error ? { ...shown, message: error.message } : shown;
  };
}
