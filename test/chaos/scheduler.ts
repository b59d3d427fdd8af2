import { StowageError } from '../../backup-set/base/errors.ts';
import type { Random } from './random.ts';

/** Something that runs beside others and meets the world in single steps: an invocation of a function. */
export interface Task {
  readonly name: string;
  readonly stopping: AbortController;
  /** Killed: it takes no step any more, and what it was about to answer is never heard. */
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

/** What can go wrong with one step. A lost answer belongs to a step that took effect. */
export type Fault =
  | 'dies'
  | 'dies-after'
  | 'fails'
  | 'answer-lost'
  | 'refused-after'
  | 'interrupted';

export interface Scheduler {
  /** A task's step: waits until it is its turn, then happens as a whole. */
  step<T>(task: Task, isWrite: boolean, act: () => Promise<T>): Promise<T>;
  /** Steps that wait. */
  waiting(): number;
  /** Lets one of the waiting steps happen, drawn by chance. */
  advance(): Promise<void>;
  /** Lets everything run on until its next step. */
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
 * Decides who acts next, at every await at which the world can be met: any order of any number of tasks comes from the
 * seed alone, whatever the machine does.
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

  async function happen({ task, isWrite, act, done, failed }: Waiting): Promise<void> {
    // Its time was up while it waited: stores look at the signal before they do anything.
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
        // The promise of a dead task stays open for ever, as its process would be gone.
        if (task.dead) return;
        if (task.stopping.signal.aborted) return reject(timeIsUp());
        const done = (value: unknown) => resolve(value as T);
        queue.push({ task, isWrite, act, done, failed: reject });
      }),
    waiting: () => queue.length,
    async advance() {
      const [step] = queue.splice(random.below(queue.length), 1);
      if (step !== undefined) await happen(step);
    },
    settle,
    kill,
  };
  return made;
}

const unavailable = (message: string) => new StowageError('storage/unavailable', message);
const timeIsUp = () => new StowageError('interrupted', 'the time is up');
