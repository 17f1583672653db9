# PyKMIP's integration suite, from its source package (the wheel has no tests).
# It ends every test by destroying all that it can locate: never point it at a server with keys.
#
# usage: pykmip_suite.sh PYTHON HOST:PORT BUNDLE_DIR WORK_DIR
set -eu
python=$1 kmip=$2 bundle=$(realpath "$3") work=$4

cache=$(dirname "$python")/../pykmip-source
version=$("$python" -m pip freeze 2>/dev/null | sed -n 's/^PyKMIP==//p')
if [ ! -d "$cache" ]; then
    "$python" -m pip download --quiet --disable-pip-version-check --no-deps \
        --no-binary :all: --dest "$work/sdist" "PyKMIP==$version"
    mkdir -p "$cache"
    tar xzf "$work"/sdist/*.tar.gz -C "$cache" --strip-components 1
fi

# Its client reads its settings from the home directory only.
mkdir -p "$work/home/.pykmip"
cat >"$work/home/.pykmip/pykmip.conf" <<END
[client]
host=${kmip%:*}
port=${kmip#*:}
certfile=$bundle/cert.pem
keyfile=$bundle/key.pem
ca_certs=$bundle/ca.pem
cert_reqs=CERT_REQUIRED
ssl_version=PROTOCOL_TLSv1_2
do_handshake_on_connect=True
suppress_ragged_eofs=True
END

cd "$cache"
# The third file, test_kmip_client.py, calls a helper that PyKMIP removed long ago.
tests=kmip/tests/integration/services
code=0
HOME=$work/home "$python" -m pytest -q -p no:cacheprovider --disable-warnings --tb=short \
    $tests/test_integration.py $tests/test_proxykmipclient.py --config client \
    >"$work/pytest.log" 2>&1 || code=$?
[ $code -eq 0 ] || tail -n 200 "$work/pytest.log"
count() { grep -oE "[0-9]+ $1" "$work/pytest.log" | tail -n 1 | cut -d ' ' -f 1; }
passed=$(count passed) failed=$(count failed) errors=$(count errors?) skipped=$(count skipped)
echo "${passed:-0} passed, $((${failed:-0} + ${errors:-0})) failed, ${skipped:-0} skipped"
# A suite of another size is not the one that is meant.
if [ "${passed:-0}" -ne 37 ] && [ $code -eq 0 ]; then
    echo "expected 37 tests"
    exit 1
fi
exit $code
