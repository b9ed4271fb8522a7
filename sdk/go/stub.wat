(;
  What the Go runtime imports from WASI, without a world around it: no arguments, no files, no randomness. What is written goes to
  the operator's log, line by line. The time of day is always 1970-01-01; the monotonic clock counts one microsecond per question,
  and a sleep is over at once. It is the adapter `wasi_snapshot_preview1` of the component.

  A line is collected at 4096 of Go's memory, up to 8192, and the message of a crash is kept from there to 12288: the linker puts nothing
  below `wasmMinDataAddr`, and the runtime only uses the 8 KiB before it in a browser.

  A crash of the Go runtime (a panic of another goroutine, no memory, a deadlock) is a line `panic: ...` or `fatal error: ...`, an empty
  one, and stacks of goroutines: of each frame its function, and a line with its place. They are logged up to the first function of package
  main, and then comes the message again, with its place: the last line of the log is part of the reason.
;)
(module
  (import "weir:operator/log@0.1.0" "log" (func $log (param i32 i32 i32)))
  (import "env" "memory" (memory 0))
  (global $time (mut i64) (i64.const 1000))
  (global $seeded (mut i32) (i32.const 0))
  (global $random (mut i64) (i64.const 88172645463325252))
  (global $line (mut i32) (i32.const 0))
  (global $level (mut i32) (i32.const 2))
  (global $message (mut i32) (i32.const 0))
  ;; 1: the message of a crash has come, 2: the first stack, 3: a function of package main, 4: all that is said of it.
  (global $crash (mut i32) (i32.const 0))

  (func (export "proc_exit") (param i32) unreachable)
  (func (export "sched_yield") (result i32) i32.const 0)

  (func (export "args_get") (export "environ_get") (param i32 i32) (result i32) i32.const 0)
  (func (export "args_sizes_get") (export "environ_sizes_get") (param i32 i32) (result i32)
    (i32.store (local.get 0) (i32.const 0))
    (i32.store (local.get 1) (i32.const 0))
    i32.const 0)

  ;; Clock 1 is the monotonic one.
  (func (export "clock_time_get") (param $clock i32) (param i64) (param $to i32) (result i32)
    (global.set $time (i64.add (global.get $time) (i64.const 1000)))
    (i64.store (local.get $to) (select (global.get $time) (i64.const 0) (i32.eq (local.get $clock) (i32.const 1))))
    i32.const 0)
  (func (export "clock_res_get") (param i32 i32) (result i32)
    (i64.store (local.get 1) (i64.const 1000))
    i32.const 0)

  ;; The Go runtime takes its seed here when it starts: always the same. What asks later is package crypto/rand, which needs what is
  ;; secret: 52 is ENOSYS, and it ends the program with a message.
  (func (export "random_get") (param $to i32) (param $n i32) (result i32)
    (if (global.get $seeded) (then (return (i32.const 52))))
    (global.set $seeded (i32.const 1))
    (block $done (loop $next
      (br_if $done (i32.eqz (local.get $n)))
      (global.set $random (i64.xor (global.get $random) (i64.shl (global.get $random) (i64.const 13))))
      (global.set $random (i64.xor (global.get $random) (i64.shr_u (global.get $random) (i64.const 7))))
      (global.set $random (i64.xor (global.get $random) (i64.shl (global.get $random) (i64.const 17))))
      (i64.store8 (local.get $to) (global.get $random))
      (local.set $to (i32.add (local.get $to) (i32.const 1)))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br $next)))
    i32.const 0)

  (func $end_line (local $start i32)
    (local.set $start (i32.load (i32.const 4096)))
    (if (i32.eqz (global.get $line)) (then
      (if (i32.eq (global.get $crash) (i32.const 2)) (then (call $end_crash)))
      (return)))
    (if (i32.eq (global.get $crash) (i32.const 3)) (then (call $end_crash)))
    (if (i32.lt_u (global.get $crash) (i32.const 4)) (then
      (call $log (global.get $level) (i32.const 4096) (global.get $line))
      ;; "main"
      (if (i32.and (i32.eq (global.get $crash) (i32.const 2)) (i32.eq (local.get $start) (i32.const 0x6e69616d)))
        (then (global.set $crash (i32.const 3))))
      ;; "goro"utine
      (if (i32.and (i32.eq (global.get $crash) (i32.const 1)) (i32.eq (local.get $start) (i32.const 0x6f726f67)))
        (then (global.set $crash (i32.const 2))))
      ;; "pani"c or "fata"l error
      (if (i32.and
          (i32.or (i32.eq (local.get $start) (i32.const 0x696e6170)) (i32.eq (local.get $start) (i32.const 0x61746166)))
          (i32.eqz (global.get $crash)))
        (then
          (global.set $message (select (i32.const 2048) (global.get $line) (i32.gt_u (global.get $line) (i32.const 2048))))
          (memory.copy (i32.const 8192) (i32.const 4096) (global.get $message))
          (global.set $crash (i32.const 1))))))
    (global.set $line (i32.const 0)))
  ;; The line has the place, if the function was found.
  (func $end_crash
    (global.set $line (select (i32.const 2048) (global.get $line) (i32.gt_u (global.get $line) (i32.const 2048))))
    (memory.copy (i32.add (i32.const 8192) (global.get $message)) (i32.const 4096) (global.get $line))
    (call $log (i32.const 4) (i32.const 8192) (i32.add (global.get $message) (global.get $line)))
    (global.set $crash (i32.const 4)))
  (func $put (param $c i32)
    (if (i32.eq (local.get $c) (i32.const 10)) (then (call $end_line) (return)))
    (i32.store8 offset=4096 (global.get $line) (local.get $c))
    (global.set $line (i32.add (global.get $line) (i32.const 1)))
    (if (i32.eq (global.get $line) (i32.const 4096)) (then (call $end_line))))
  (func (export "fd_write") (param $fd i32) (param $pieces i32) (param $n i32) (param $written i32) (result i32)
    (local $total i32) (local $at i32) (local $end i32)
    ;; Standard error, 2, is the level error, 4; anything else is info, 2.
    (global.set $level (select (i32.const 4) (i32.const 2) (i32.eq (local.get $fd) (i32.const 2))))
    (block $done (loop $piece
      (br_if $done (i32.eqz (local.get $n)))
      (local.set $at (i32.load (local.get $pieces)))
      (local.set $end (i32.add (local.get $at) (i32.load offset=4 (local.get $pieces))))
      (local.set $total (i32.add (local.get $total) (i32.load offset=4 (local.get $pieces))))
      (block $over (loop $byte
        (br_if $over (i32.eq (local.get $at) (local.get $end)))
        (call $put (i32.load8_u (local.get $at)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $byte)))
      (local.set $pieces (i32.add (local.get $pieces) (i32.const 8)))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br $piece)))
    (i32.store (local.get $written) (local.get $total))
    i32.const 0)

  ;; Waiting for a clock, the first subscription, sets it to its time. Any other is an error: 52 is ENOSYS.
  (func (export "poll_oneoff") (param $in i32) (param $out i32) (param i32) (param $events i32) (result i32)
    (if (i32.load8_u offset=8 (local.get $in)) (then (return (i32.const 52))))
    (global.set $time (select
      (i64.load offset=24 (local.get $in))
      (i64.add (global.get $time) (i64.load offset=24 (local.get $in)))
      (i32.and (i32.load16_u offset=40 (local.get $in)) (i32.const 1))))
    (i64.store (local.get $out) (i64.load (local.get $in)))
    (i64.store offset=8 (local.get $out) (i64.const 0))
    (i32.store (local.get $events) (i32.const 1))
    i32.const 0)

  ;; There are no files and no sockets: 8 is EBADF.
  (func (export "fd_read") (param i32 i32 i32 i32) (result i32) i32.const 8)
  (func (export "fd_pread") (export "fd_pwrite") (param i32 i32 i32 i64 i32) (result i32) i32.const 8)
  (func (export "fd_readdir") (param i32 i32 i32 i64 i32) (result i32) i32.const 8)
  (func (export "fd_seek") (param i32 i64 i32 i32) (result i32) i32.const 8)
  (func (export "fd_close") (export "fd_sync") (export "fd_datasync") (param i32) (result i32) i32.const 8)
  (func (export "fd_fdstat_get") (export "fd_fdstat_set_flags") (export "fd_filestat_get") (export "fd_prestat_get") (export "fd_renumber") (export "fd_tell")
    (param i32 i32) (result i32) i32.const 8)
  (func (export "fd_prestat_dir_name") (param i32 i32 i32) (result i32) i32.const 8)
  (func (export "fd_filestat_set_size") (param i32 i64) (result i32) i32.const 8)
  (func (export "fd_filestat_set_times") (param i32 i64 i64 i32) (result i32) i32.const 8)
  (func (export "path_create_directory") (export "path_remove_directory") (export "path_unlink_file") (param i32 i32 i32) (result i32) i32.const 52)
  (func (export "path_filestat_get") (param i32 i32 i32 i32 i32) (result i32) i32.const 52)
  (func (export "path_filestat_set_times") (param i32 i32 i32 i32 i64 i64 i32) (result i32) i32.const 52)
  (func (export "path_link") (param i32 i32 i32 i32 i32 i32 i32) (result i32) i32.const 52)
  (func (export "path_open") (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32) i32.const 52)
  (func (export "path_readlink") (export "path_rename") (param i32 i32 i32 i32 i32 i32) (result i32) i32.const 52)
  (func (export "path_symlink") (param i32 i32 i32 i32 i32) (result i32) i32.const 52)
  (func (export "sock_accept") (param i32 i32 i32) (result i32) i32.const 8)
  (func (export "sock_shutdown") (param i32 i32) (result i32) i32.const 8)
  (func (export "sock_recv") (param i32 i32 i32 i32 i32 i32) (result i32) i32.const 8)
  (func (export "sock_send") (param i32 i32 i32 i32 i32) (result i32) i32.const 8)

  ;; That the import above is that of the contract, for the encoder of components. It is printed by
  ;;   wasm-tools component embed -w stub WIT stub.wat | wasm-tools print
  ;; where WIT has the contract's log.wit and the world `package weir:stub; world stub { import weir:operator/log@0.1.0; }`.
  (@custom "component-type" (after code) "\00asm\0d\00\01\00\00\19\16wit-component-encoding\04\00\07\7f\01A\02\01A\02\01B\04\01m\05\05trace\05debug\04info\04warn\05error\04\00\05level\03\00\00\01@\02\05level\01\07messages\01\00\04\00\03log\01\02\03\00\17weir:operator/log@0.1.0\05\00\04\00\0eweir:stub/stub\04\00\0b\0a\01\00\04stub\03\00\00"))
