# No reply shows a client a tag, an attribute or an enumeration value that its version lacks.
. tests/lib.sh
release_build || fail_suite "the release build"
start_strongroom --interop || fail_suite "the server"
tally "$OASIS_BIN_DIR/strongroom-versions" --server "$KMIP" \
    --ca "$BUNDLE/ca.pem" --cert "$BUNDLE/cert.pem" --key "$BUNDLE/key.pem"
stop_strongroom || { echo "FAILED the server did not stop cleanly"; FAILED=$((FAILED + 1)); }
close_suite
