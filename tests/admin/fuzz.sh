# Schemathesis against a server of its own, as one role: no request may be answered with a fault of
# the server's, nor with anything that doc/openapi.json does not say.
#
#   fuzz.sh SCHEMATHESIS ROLE EXAMPLES SEED
. tests/lib.sh
st=$1 role=$2 examples=$3 seed=$4
start_strongroom || { echo "FAILED the server"; echo "0 passed, 1 failed, 0 skipped"; exit 1; }
bundle=${BUNDLE%/client}/$role

# A key that is there, so that more is answered than "not found".
key=$("$STRONGROOM_BIN" key list --output json --server "$ADMIN" --bundle "${BUNDLE%/client}" |
    grep -oE '"id": *"[^"]+"' | head -n 1 | cut -d'"' -f4)
cat >"$WORK/schemathesis.toml" <<TOML
[parameters]
"path.id" = ["${key:-none}", "1"]
"path.user" = ["client", "somebody"]
"path.group" = ["payments"]
TOML

# Sealing ends all that follows, and retiring the authority cuts the caller off; the server's own
# tests have both.
"$st" --config-file "$WORK/schemathesis.toml" run doc/openapi.json \
    --url "https://$ADMIN" --tls-verify "$bundle/ca.pem" \
    --request-cert "$bundle/cert.pem" --request-cert-key "$bundle/key.pem" \
    --exclude-path /v1/root/seal --exclude-path /v1/certificates/ca/retire \
    --phases coverage,fuzzing --max-examples "$examples" --seed "$seed" --request-timeout 60 \
    --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,unsupported_method,negative_data_rejection \
    --warnings off --no-color >"$WORK/out" 2>&1
code=$?
read -r generated passed <<<"$(sed -nE 's/^ *([0-9]+) generated, ([0-9]+) passed.*/\1 \2/p' "$WORK/out" | tail -n 1)"
if [ "$code" -ne 0 ] || [ -z "$generated" ]; then
    # The part that tells what failed and how to see it again.
    sed -n '/= FAILURES =/,$p;/= ERRORS =/,$p' "$WORK/out" | head -n 200
    [ -n "$generated" ] || tail -n 40 "$WORK/out"
fi
failed=$((${generated:-1} - ${passed:-0}))
[ "$code" -eq 0 ] || [ "$failed" -gt 0 ] || failed=1
stop_strongroom || { echo "FAILED the server did not stop cleanly"; failed=$((failed + 1)); }
echo "as $role: $generated requests"
echo "${passed:-0} passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
