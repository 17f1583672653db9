# Backups: taken under load, proved, tried, restored elsewhere with other slots, quarantined and
# confirmed; neither half opens alone; what was destroyed stays destroyed; every class of byte that
# is changed is found; the old format is backed up and restored. Replicas: served, refreshed, promoted.
. tests/lib.sh
build_tools || fail_suite "the build tools cannot be installed"

tally rust_tests "load, bytes, quarantine, old format" -p strongroom-engine --lib it::backup
tally rust_tests "replicas" -p strongroom-engine --lib it::replica
tally rust_tests "the binary against running servers" -p strongroom-server --test it backup::
tally rust_tests "replicas beside their primary" -p strongroom-server --test it replica::
tally rust_tests "backups by schedule" -p strongroom-server --test it schedule::
close_suite
