import { StowageError } from '../../backup-set/base/errors.ts';
import type { Random } from './random.ts';

/** An invocation of a function. It runs concurrently with others and calls the store in steps. */
export interface Task {
  readonly name: string;
  readonly stopping: AbortController;
  /** The task was killed: it takes no further step, and its result is lost. */
  dead: boolean;
  readonly died: PromiseWithResolvers<void>;
}

export function newTask(name: string): Task {
  return {
    name,
    stopping: new AbortController(),
    dead: false,
    died: Promise.withResolvers<void>(),
  };
}

/**
 * The fault of a step. `dies-after`, `answer-lost` and `refused-after` take effect in the store.
 */
export type Fault =
  | 'dies'
  | 'dies-after'
  | 'fails'
  | 'answer-lost'
  | 'refused-after'
  | 'interrupted';

export interface Scheduler {
  /** A step of a task. Waits for its turn, and is then executed atomically. */
  step<T>(task: Task, isWrite: boolean, act: () => Promise<T>): Promise<T>;
  /** The number of waiting steps. */
  waiting(): number;
  /** Executes one of the waiting steps, chosen at random. */
  advance(): Promise<void>;
  /** Lets all tasks run until their next step. */
  settle(): Promise<void>;
  kill(task: Task): void;
}

interface Waiting {
  readonly task: Task;
  readonly isWrite: boolean;
  readonly act: () => Promise<unknown>;
  readonly done: (value: unknown) => void;
  readonly failed: (error: unknown) => void;
}

/**
 * Decides at every call of the store which task continues. The order of all tasks depends on the
 * seed only, not on the machine.
 */
export function scheduler(
  random: Random,
  faultOf: (task: Task, isWrite: boolean) => Fault | undefined,
) {
  let queue: Waiting[] = [];

  const kill = (task: Task) => {
    task.dead = true;
    task.died.resolve();
    queue = queue.filter((step) => step.task !== task);
  };

  async function execute({ task, isWrite, act, done, failed }: Waiting): Promise<void> {
    // The task was interrupted while it waited: stores check the signal before they do anything.
    if (task.stopping.signal.aborted) return failed(timeIsUp());
    const fault = faultOf(task, isWrite);
    if (fault === 'dies') return kill(task);
    if (fault === 'fails') return failed(unavailable('the store did not answer'));
    if (fault === 'interrupted') {
      const error = timeIsUp();
      task.stopping.abort(error);
      return failed(error);
    }
    try {
      const value = await act();
      if (fault === 'dies-after') kill(task);
      else if (fault === 'answer-lost') failed(unavailable('the answer was lost'));
      else if (fault === 'refused-after')
        failed(new StowageError('storage/exists', 'a repeated request met its own object'));
      else done(value);
    } catch (error) {
      failed(error);
    }
  }

  const settle = () => new Promise<void>((resolve) => void setImmediate(resolve));
  const made: Scheduler = {
    step: <T>(task: Task, isWrite: boolean, act: () => Promise<T>) =>
      new Promise<T>((resolve, reject) => {
        // The promise of a killed task never settles, because its process no longer exists.
        if (task.dead) return;
        if (task.stopping.signal.aborted) return reject(timeIsUp());
        const done = (value: unknown) => resolve(value as T);
        queue.push({ task, isWrite, act, done, failed: reject });
      }),
    waiting: () => queue.length,
    async advance() {
      const [step] = queue.splice(random.below(queue.length), 1);
      if (step !== undefined) await execute(step);
    },
    settle,
    kill,
  };
  return made;
}

const unavailable = (message: string) => new StowageError('storage/unavailable', message);
const timeIsUp = () => new StowageError('interrupted', 'the time is up');
