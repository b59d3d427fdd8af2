import { expect, test } from 'vitest';
import { eachInFlight } from '../../async/each-in-flight.ts';
import { text } from './bytes.ts';
import type { Subject } from './subjects.ts';

/** The promises of `list`, `listPrefixes` and `delete`. */
export function listing(subject: Subject): void {
  test('1,150 keys, more than one response holds, are listed in order and deleted', async () => {
    const store = await subject.open();
    const keys = Array.from(
      { length: 1_150 },
      (_, n) => `sets/${n % 7}/receipts/${String(n).padStart(6, '0')}.json`,
    );
    await eachInFlight(keys, 32, (key) => store.create(key, text(key)));
    const listed = await Array.fromAsync(store.list('sets/'));
    expect(listed.map(({ key }) => key)).toEqual(keys.toSorted());
    expect(listed.every(({ key, bytes }) => bytes === key.length)).toBe(true);
    expect(await Array.fromAsync(store.listPrefixes('sets/'))).toEqual([
      '0/',
      '1/',
      '2/',
      '3/',
      '4/',
      '5/',
      '6/',
    ]);
    await store.delete([...keys, 'sets/absent', 'absent/too']);
    expect(await Array.fromAsync(store.list(''))).toEqual([]);
    if (subject.listsEmptiedFolders !== true)
      expect(await Array.fromAsync(store.listPrefixes('sets/'))).toEqual([]);
  });

  test('keys are listed in the order of their bytes', async () => {
    const store = await subject.open();
    // '-' and '.' come before '/', '0' after it; U+FFFD comes before U+1F600 in bytes, but not in
    // UTF-16.
    const keys = ['a-b', 'a.b', 'a/b', 'a/c/d', 'a0', 'a\ufffd', 'a😀', 'b'];
    for (const key of keys.toReversed()) await store.create(key, text(key));
    expect(await Array.fromAsync(store.list(''), ({ key }) => key)).toEqual(keys);
  });

  test('a prefix may end anywhere in a key, and a prefix without keys lists as empty', async () => {
    const store = await subject.open();
    for (const key of ['sets/1/a', 'sets/10/a', 'sets/2/a', 'setsx'])
      await store.create(key, text(''));
    const below = (prefix: string) => Array.fromAsync(store.list(prefix), ({ key }) => key);
    expect(await below('sets/1')).toEqual(['sets/1/a', 'sets/10/a']);
    expect(await below('sets/1/')).toEqual(['sets/1/a']);
    expect(await below('sets/1/a')).toEqual(['sets/1/a']);
    expect(await below('sets')).toEqual(['sets/1/a', 'sets/10/a', 'sets/2/a', 'setsx']);
    expect(await below('absent/')).toEqual([]);
    expect(await below('setsx/')).toEqual([]);
    expect(await Array.fromAsync(store.listPrefixes(''))).toEqual(['sets/']);
    expect(await Array.fromAsync(store.listPrefixes('sets/'))).toEqual(['1/', '10/', '2/']);
    expect(await Array.fromAsync(store.listPrefixes('absent/'))).toEqual([]);
  });

  test('an empty root lists as empty', async () => {
    const store = await subject.open();
    expect(await Array.fromAsync(store.list(''))).toEqual([]);
    expect(await Array.fromAsync(store.listPrefixes(''))).toEqual([]);
    expect(await Array.fromAsync(store.pendingUploads(''))).toEqual([]);
    await store.delete(['absent']);
    await store.delete([]);
  });

  test('a deleted key can be written again, also while its folder is removed', async () => {
    const store = await subject.open();
    await store.create('a/b/x', text('1'));
    for (let round = 0; round < 20; round += 1) {
      await Promise.all([store.delete(['a/b/x']), store.create(`a/b/y${round}`, text('2'))]);
      await store.delete([`a/b/y${round}`]);
      await store.create('a/b/x', text('3'));
    }
    expect(await Array.fromAsync(store.list(''), ({ key }) => key)).toEqual(['a/b/x']);
  });

  test('a key is both an object and a folder only on the stores that allow it', async () => {
    const store = await subject.open();
    await store.create('a', text('1'));
    const below = store.create('a/b', text('2'));
    if (subject.objectMayBeFolder !== false) await below;
    else await expect(below).rejects.toMatchObject({ name: 'StowageError' });
    expect(await Array.fromAsync(store.list(''), ({ key }) => key)).toEqual(
      subject.objectMayBeFolder === true ? ['a', 'a/b'] : ['a'],
    );
    expect(await Array.fromAsync(store.pendingUploads(''))).toEqual([]);
  });
}
