import { useState } from 'preact/hooks';
import type { Ask, AskTarget, Requests } from '../../functions/serve/console/api.ts';
import { apiAddress, type Failure, failureOf, useApi } from '../base/api.ts';
import { askForRestore } from '../base/ask.ts';
import { Command, FailureBox } from '../parts/pieces.tsx';
import { RequestRows } from './requests.tsx';

const POLL_MS = 3_000;

/** The same restore as a request, where the server takes requests. */
export function AskSection({
  ask,
  database,
}: {
  readonly ask: Omit<Ask, 'target'>;
  /** Of the set. */
  readonly database: string;
}) {
  const { value } = useApi<Requests>(apiAddress(0, 'requests'), () => POLL_MS);
  const [name, setName] = useState('');
  const [token, setToken] = useState('');
  const [asked, setAsked] = useState<{ readonly id?: string; readonly failure?: Failure }>({});
  const [isSending, setSending] = useState(false);
  if (value === undefined || value.targets.length === 0) return null;
  const target = value.targets.find((one) => one.name === name) ?? value.targets[0];
  if (target === undefined) return null;
  const misfit = misfitOf(target, ask, database);
  const send = async () => {
    setSending(true);
    try {
      setAsked({ id: await askForRestore({ ...ask, target: target.name }, token) });
      // The page keeps the token no longer than the form.
      setToken('');
    } catch (error) {
      setAsked({ failure: failureOf(error) });
    }
    setSending(false);
  };
  return (
    <section class="lines ask" aria-labelledby="ask">
      <div class="sectionhead">
        <h2 id="ask">Or as a request</h2>
        <span class="muted">
          {target.run === 'serve'
            ? 'stowage serve carries it out.'
            : `An operator carries it out within ${value.expireHours} h.`}
        </span>
      </div>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void send();
        }}
      >
        <label class="field">
          <span>Target</span>
          <select
            value={target.name}
            onChange={({ currentTarget }) => setName(currentTarget.value)}
          >
            {value.targets.map((one) => (
              <option key={one.name} value={one.name}>
                {one.name}
              </option>
            ))}
          </select>
        </label>
        <label class="field">
          <span>Request token</span>
          <input
            type="password"
            autocomplete="off"
            value={token}
            onInput={({ currentTarget }) => setToken(currentTarget.value)}
          />
        </label>
        <div class="field">
          <span />
          <button type="submit" disabled={misfit !== undefined || token === '' || isSending}>
            Request this restore
          </button>
        </div>
      </form>
      {misfit !== undefined && (
        <p class="failure" role="status">
          {misfit}
        </p>
      )}
      {asked.failure && <FailureBox failure={asked.failure} />}
      {asked.id !== undefined && <Requested id={asked.id} target={target} />}
      <RequestRows requests={value.requests} />
    </section>
  );
}

function Requested({ id, target }: { readonly id: string; readonly target: AskTarget }) {
  return (
    <div role="status">
      <p class="step">
        Requested. {target.run === 'serve' ? 'It begins within seconds.' : 'An operator runs:'}
      </p>
      {target.run === 'operator' && <Command line={`stowage restore --request ${id}`} />}
    </div>
  );
}

/** Why the server would refuse it. */
function misfitOf(
  target: AskTarget,
  { mode, flags, database: other }: Omit<Ask, 'target'>,
  database: string,
): string | undefined {
  const wanted = other ?? database;
  if (target.databases !== undefined && !target.databases.includes(wanted))
    return `Target ${target.name} takes ${target.databases.join(', ')}, not ${wanted}: choose another target database.`;
  if (!target.modes.includes(mode))
    return `Target ${target.name} takes ${target.modes.join(' or ')}, not ${mode}.`;
  if (target.run === 'serve' && flags.includes('--globals'))
    return 'Roles and tablespaces are restored by an operator: leave out --globals, or choose another target.';
  return undefined;
}
