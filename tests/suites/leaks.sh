# Known key bytes are in no file, log, backup, export, error, core or memory that is not locked; and the
# same search finds markers that are planted in clear, or it would prove nothing.
. tests/lib.sh
build_tools || fail_suite "the build tools cannot be installed"
packages gdb || echo "gdb cannot be installed: memory is read, no core is written"

SHOWN='planted|memory:|core:'
tally rust_tests "known keys, looked for everywhere" -p strongroom-server --test it leaks::
close_suite
