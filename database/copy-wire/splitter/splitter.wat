;; Splits what a PostgreSQL server sends while it carries out COPY … TO STDOUT: takes the payloads of CopyData messages
;; out of a staging buffer and puts them, one behind the other, into a block; counts newline bytes on the way, and stops
;; where a block of rows may end. splitter-reference.ts says the same more slowly; property tests compare the two.
;;
;; A message is one byte of type, four bytes of length (big-endian, with themselves, without the type), and the payload.
;; PostgreSQL sends a message per row, so what is done per message decides.
;;
;; `npm run build:wasm` makes splitter-module.ts from this file.
;;
;; The state of one connection: 32-bit words, little-endian, addresses in this memory (see splitter.ts).
;;   +0  at       where the next byte to read lies
;;   +4  out      where the next byte is written
;;   +8  outEnd   end of the room in the block; 16 bytes behind it may be overwritten with anything
;;   +12 cutMin   the block may be cut by content from here on
;;   +16 factor   how probable a cut is per byte of a row, times 2³²
;;   +20 left     payload bytes of the message under way that are still to be copied
;;   +24 rows     newline bytes copied so far; the caller resets it
;;   +28 hash     of the message under way
;;   +32 length   payload bytes of the message under way
;;
;; The hash of a message: its first 4,096 bytes as 16-bit numbers (little-endian, signed, padded with zeros to a
;; multiple of 16 bytes), the n-th eight of them times (first key + n × step), pairs added into four 32-bit sums; these
;; and the length are mixed. Keys that change make it depend on the order; no multiplication waits for the one before.
(module
  (import "arena" "memory" (memory 1))

  ;; What a call ends with.
  (global $MORE i32 (i32.const 0)) ;; the source is used up, but for a head that is not whole
  (global $CUT i32 (i32.const 1)) ;; a row has ended at `out`, and its content says: cut here
  (global $FULL i32 (i32.const 2)) ;; the next message does not fit; or, as no row has ended, its beginning has filled the room
  (global $OTHER i32 (i32.const 3)) ;; a message at `at` is none of CopyData, or none at all

  (func $hash (export "hash") (param $src i32) (param $length i32) (result i32)
    (local $bytes v128) (local $key v128) (local $sums v128) (local $mixed i64)
    (local $end i32) (local $n i32)
    (local.set $key (v128.const i16x8 0x4f1b 0x6e27 -0x35a5 0x2c95 -0x5b2f 0x7a13 0x1d4d -0x6473))
    (local.set $sums (v128.const i32x4 0 0 0 0))
    (local.set $end
      (i32.add
        (local.get $src)
        (select (local.get $length) (i32.const 4096) (i32.lt_u (local.get $length) (i32.const 4096)))))
    (local.set $n (local.get $src))
    (loop $chunk
      (local.set $bytes (v128.load align=1 (local.get $n)))
      (local.set $n (i32.add (local.get $n) (i32.const 16)))
      (if (i32.gt_u (local.get $n) (local.get $end))
        (then ;; the last one, of which only some bytes belong to us
          (local.set $bytes
            (v128.and
              (local.get $bytes)
              (i8x16.gt_s
                (i8x16.splat (i32.sub (i32.const 16) (i32.sub (local.get $n) (local.get $end))))
                (v128.const i8x16 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15))))))
      (local.set $sums
        (i32x4.add (local.get $sums) (i32x4.dot_i16x8_s (local.get $bytes) (local.get $key))))
      (local.set $key
        (i16x8.add
          (local.get $key)
          (v128.const i16x8 0x3a35 0x5c6b 0x1f97 -0x4eb3 0x6b4f -0x2d11 0x7265 0x0a3d)))
      (br_if $chunk (i32.lt_u (local.get $n) (local.get $end))))
    (local.set $mixed
      (i64.mul
        (i64.xor
          (i64x2.extract_lane 0 (local.get $sums))
          (i64.mul (i64.extend_i32_u (local.get $length)) (i64.const 0x9e3779b97f4a7c15)))
        (i64.const 0xbf58476d1ce4e5b9)))
    (local.set $mixed
      (i64.mul
        (i64.xor
          (i64.xor (local.get $mixed) (i64.shr_u (local.get $mixed) (i64.const 32)))
          (i64x2.extract_lane 1 (local.get $sums)))
        (i64.const 0x94d049bb133111eb)))
    (i32.wrap_i64 (i64.shr_u (local.get $mixed) (i64.const 32))))

  ;; For rows that lie in a block already, without messages around them (a program of the server has
  ;; sent them): counts row ends from `at` up to `end`, and stops behind a row that is a cut. `row`,
  ;; at +4, is where the row under way begins. The rest of the state is as above.
  (func (export "rows") (param $state i32) (param $end i32) (result i32)
    (local $at i32) (local $row i32) (local $cutMin i32) (local $factor i64) (local $rows i32)
    (local $ends i32) (local $rowEnd i32) (local $length i32) (local $status i32)
    (local.set $at (i32.load offset=0 (local.get $state)))
    (local.set $row (i32.load offset=4 (local.get $state)))
    (local.set $cutMin (i32.load offset=12 (local.get $state)))
    (local.set $factor (i64.load32_u offset=16 (local.get $state)))
    (local.set $rows (i32.load offset=24 (local.get $state)))
    (local.set $status (global.get $MORE))
    (block $return
      (loop $next
        (br_if $return (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $ends
          (i8x16.bitmask
            (i8x16.eq
              (v128.load align=1 (local.get $at))
              (v128.const i8x16 10 10 10 10 10 10 10 10 10 10 10 10 10 10 10 10))))
        (if (i32.lt_u (i32.sub (local.get $end) (local.get $at)) (i32.const 16))
          (then
            (local.set $ends
              (i32.and
                (local.get $ends)
                (i32.sub
                  (i32.shl (i32.const 1) (i32.sub (local.get $end) (local.get $at)))
                  (i32.const 1))))))
        (block $chunkDone
          (loop $nextEnd
            (br_if $chunkDone (i32.eqz (local.get $ends)))
            (local.set $rowEnd
              (i32.add (i32.add (local.get $at) (i32.ctz (local.get $ends))) (i32.const 1)))
            (local.set $ends (i32.and (local.get $ends) (i32.sub (local.get $ends) (i32.const 1))))
            (local.set $rows (i32.add (local.get $rows) (i32.const 1)))
            (local.set $length (i32.sub (local.get $rowEnd) (local.get $row)))
            (if (i32.ge_u (local.get $rowEnd) (local.get $cutMin))
              (then
                (if (i64.lt_u
                      (i64.extend_i32_u (call $hash (local.get $row) (local.get $length)))
                      (i64.mul (i64.extend_i32_u (local.get $length)) (local.get $factor)))
                  (then
                    (local.set $row (local.get $rowEnd))
                    (local.set $at (local.get $rowEnd))
                    (local.set $status (global.get $CUT))
                    (br $return)))))
            (local.set $row (local.get $rowEnd))
            (br $nextEnd)))
        (local.set $at (i32.add (local.get $at) (i32.const 16)))
        (br $next)))
    (if (i32.gt_u (local.get $at) (local.get $end)) (then (local.set $at (local.get $end))))
    (i32.store offset=0 (local.get $state) (local.get $at))
    (i32.store offset=4 (local.get $state) (local.get $row))
    (i32.store offset=24 (local.get $state) (local.get $rows))
    (local.get $status))

  (func (export "split") (param $state i32) (param $srcEnd i32) (result i32)
    (local $at i32) (local $out i32) (local $outEnd i32) (local $cutMin i32) (local $factor i64)
    (local $left i32) (local $rows i32) (local $hash i32) (local $length i32)
    (local $status i32) (local $room i32) (local $head i32) (local $whole i32)
    (local $src i32) (local $srcStop i32) (local $n i32)
    (local $bytes v128)

    (local.set $at (i32.load offset=0 (local.get $state)))
    (local.set $out (i32.load offset=4 (local.get $state)))
    (local.set $outEnd (i32.load offset=8 (local.get $state)))
    (local.set $cutMin (i32.load offset=12 (local.get $state)))
    (local.set $factor (i64.load32_u offset=16 (local.get $state)))
    (local.set $left (i32.load offset=20 (local.get $state)))
    (local.set $rows (i32.load offset=24 (local.get $state)))
    (local.set $hash (i32.load offset=28 (local.get $state)))
    (local.set $length (i32.load offset=32 (local.get $state)))

    (block $return
      (loop $next
        (block $begun
          (br_if $begun (local.get $left))

          ;; The head of a message.
          (local.set $status (global.get $MORE))
          (br_if $return (i32.lt_u (i32.sub (local.get $srcEnd) (local.get $at)) (i32.const 5)))
          (local.set $status (global.get $OTHER))
          (br_if $return (i32.ne (i32.load8_u (local.get $at)) (i32.const 0x64))) ;; 'd'
          (local.set $length (i32.load offset=1 align=1 (local.get $at)))
          (local.set $length ;; from big-endian
            (i32.or
              (i32.and (i32.rotl (local.get $length) (i32.const 8)) (i32.const 0x00ff00ff))
              (i32.and (i32.rotr (local.get $length) (i32.const 8)) (i32.const 0xff00ff00))))
          (local.set $length (i32.sub (local.get $length) (i32.const 4)))
          ;; No server sends a GB and more in one message: out of step, and for the caller to find out.
          (br_if $return (i32.gt_u (local.get $length) (i32.const 0x3fffffff)))
          (if (i32.eqz (local.get $length))
            (then
              (local.set $at (i32.add (local.get $at) (i32.const 5)))
              (br $next)))

          (local.set $room (i32.sub (local.get $outEnd) (local.get $out)))
          (local.set $status (global.get $FULL))
          (local.set $whole (i32.le_u (local.get $length) (local.get $room)))
          (br_if $return
            (i32.and
              (i32.eqz (local.get $whole))
              (i32.or (i32.ne (local.get $rows) (i32.const 0)) (i32.eqz (local.get $room)))))

          ;; What is hashed must lie in one piece.
          (local.set $head
            (select (local.get $length) (i32.const 4096) (i32.lt_u (local.get $length) (i32.const 4096))))
          (local.set $status (global.get $MORE))
          (local.set $src (i32.add (local.get $at) (i32.const 5)))
          (br_if $return
            (i32.lt_u (i32.sub (local.get $srcEnd) (local.get $src)) (local.get $head)))

          ;; Only a row that ends where a cut is allowed needs its hash; one that does not fit gets it in any case, as it is
          ;; not known yet where it will end.
          (if
            (i32.or
              (i32.eqz (local.get $whole))
              (i32.ge_u (i32.add (local.get $out) (local.get $length)) (local.get $cutMin)))
            (then
              (local.set $hash (call $hash (local.get $src) (local.get $length)))))
          (local.set $at (local.get $src))
          (local.set $left (local.get $length)))

        ;; The payload, or what of it has come and has room.
        (local.set $n (local.get $left))
        (local.set $room (i32.sub (local.get $outEnd) (local.get $out)))
        (if (i32.gt_u (local.get $n) (local.get $room)) (then (local.set $n (local.get $room))))
        (local.set $room (i32.sub (local.get $srcEnd) (local.get $at)))
        (if (i32.gt_u (local.get $n) (local.get $room)) (then (local.set $n (local.get $room))))
        (if (i32.eqz (local.get $n))
          (then
            (local.set $status
              (select (global.get $FULL) (global.get $MORE) (i32.eq (local.get $out) (local.get $outEnd))))
            (br $return)))
        (local.set $left (i32.sub (local.get $left) (local.get $n)))
        (local.set $srcStop (i32.add (local.get $at) (local.get $n)))
        (local.set $src (i32.sub (local.get $srcStop) (i32.const 16)))
        (block $tail
          (br_if $tail (i32.lt_u (local.get $n) (i32.const 16)))
          (loop $chunk
            (local.set $bytes (v128.load align=1 (local.get $at)))
            (v128.store align=1 (local.get $out) (local.get $bytes))
            (local.set $rows
              (i32.add
                (local.get $rows)
                (i32.popcnt
                  (i8x16.bitmask (i8x16.eq (local.get $bytes) (v128.const i8x16 10 10 10 10 10 10 10 10 10 10 10 10 10 10 10 10))))))
            (local.set $at (i32.add (local.get $at) (i32.const 16)))
            (local.set $out (i32.add (local.get $out) (i32.const 16)))
            (br_if $chunk (i32.le_u (local.get $at) (local.get $src)))))
        (local.set $n (i32.sub (local.get $srcStop) (local.get $at)))
        (if (local.get $n)
          (then ;; up to 15 bytes; what is written behind them is overwritten by what follows
            (local.set $bytes (v128.load align=1 (local.get $at)))
            (v128.store align=1 (local.get $out) (local.get $bytes))
            (local.set $rows
              (i32.add
                (local.get $rows)
                (i32.popcnt
                  (i32.and
                    (i8x16.bitmask (i8x16.eq (local.get $bytes) (v128.const i8x16 10 10 10 10 10 10 10 10 10 10 10 10 10 10 10 10)))
                    (i32.sub (i32.shl (i32.const 1) (local.get $n)) (i32.const 1))))))
            (local.set $at (local.get $srcStop))
            (local.set $out (i32.add (local.get $out) (local.get $n)))))
        (br_if $next (local.get $left))

        ;; A message has ended: does a row, and a block?
        (br_if $next (i32.lt_u (local.get $out) (local.get $cutMin)))
        (br_if $next (i32.ne (i32.load8_u (i32.sub (local.get $out) (i32.const 1))) (i32.const 10)))
        (local.set $status (global.get $CUT))
        (br_if $next
          (i64.ge_u
            (i64.extend_i32_u (local.get $hash))
            (i64.mul (i64.extend_i32_u (local.get $length)) (local.get $factor))))))

    (i32.store offset=0 (local.get $state) (local.get $at))
    (i32.store offset=4 (local.get $state) (local.get $out))
    (i32.store offset=20 (local.get $state) (local.get $left))
    (i32.store offset=24 (local.get $state) (local.get $rows))
    (i32.store offset=28 (local.get $state) (local.get $hash))
    (i32.store offset=32 (local.get $state) (local.get $length))
    (local.get $status)))
