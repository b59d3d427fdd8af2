import { decoderOf } from '../../../database/objects/encodings.ts';
import { UnsoundScript } from './unsound.ts';

/** @throws UnsoundScript: a name of a set must be Unicode. */
export function nameDecoder(encoding: string): (bytes: string) => string {
  const decode = decoderOf(encoding === '' ? 'UTF8' : encoding);
  return (bytes) => {
    const name = decode(Buffer.from(bytes, 'latin1'));
    if (name === undefined)
      throw new UnsoundScript(`the name ${JSON.stringify(bytes)} is not in encoding ${encoding}`);
    return name;
  };
}
