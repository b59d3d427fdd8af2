import type { FrameCodec } from '../codec.ts';
import { decode, decodeLong } from './decode.ts';
import { createEncoder, encode } from './encode.ts';
import { encodeLong } from './encode-long.ts';

/** The codec of the format: one zstd frame with a content checksum (docs/format.md). */
export const zstd: FrameCodec = { encode, createEncoder, encodeLong, decode, decodeLong };
