# The codec, the message layer, the admin API and the configuration under a fuzzer. The seeds are
# requests of every operation, those of the OASIS cases where they are, and one request to each route.
. tests/lib.sh
SECONDS_EACH=${TEST_SECONDS:-15}
SEED=${TEST_SEED:-1}

packages g++ || fail_suite "the C++ compiler cannot be installed"
build_tools || fail_suite "the build tools cannot be installed"
RUSTC_WORKSPACE_WRAPPER=$PWD/fuzz/instrument cargo build --quiet --release -p strongroom-fuzz \
    --features libfuzzer || fail_suite "the fuzz targets do not build"
TARGET=${CARGO_TARGET_DIR:-target}
WORK=$TARGET/fuzz
rm -rf "$WORK/seeds" && mkdir -p "$WORK"

OASIS=$SHARED/oasis-xml
if [ ! -d "$OASIS" ]; then
    echo "no OASIS cases in $SHARED: the seeds are the project's own"
    OASIS=
fi
for name in codec message admin config; do
    env FUZZ_SEEDS="$WORK/seeds/$name" ${OASIS:+FUZZ_OASIS="$OASIS"} \
        "$TARGET/release/fuzz-$name" || fail_suite "the seeds cannot be made"
done

# fuzz TARGET: runs it for its time, and tells executions and coverage.
fuzz() {
    local name=$1 log=$WORK/$1.log corpus=$WORK/corpus/$1
    mkdir -p "$corpus"
    if "$TARGET/release/fuzz-$name" -max_total_time="$SECONDS_EACH" -seed="$SEED" -timeout=20 \
        -rss_limit_mb=2048 -max_len=16384 -print_final_stats=1 \
        -artifact_prefix="$WORK/found-$name-" "$corpus" "$WORK/seeds/$name" >"$log" 2>&1; then
        PASSED=$((PASSED + 1))
    else
        FAILED=$((FAILED + 1))
        grep -v 'NEW \|REDUCE\|pulse' "$log" | tail -n 40
        echo "$name FAILED; again: $TARGET/release/fuzz-$name $(ls -t "$WORK"/found-"$name"-* | head -n 1)"
        echo "mended, the input becomes a file in fuzz/regressions/$name"
    fi
    awk -v name="$name" -v took="$SECONDS_EACH" '
        /INITED/ { for (i = 1; i < NF; i++) if ($i == "cov:") first = $(i + 1) }
        / cov: / { for (i = 1; i < NF; i++) if ($i == "cov:") last = $(i + 1) }
        /stat::number_of_executed_units/ { runs = $2 }
        /stat::new_units_added/ { new = $2 }
        END { printf "%-8s %9d executions in %d s, %d edges covered, %d of them by the seeds; %d inputs new\n",
                     name, runs, took, last, first, new }' "$log"
}

for name in codec message admin config; do
    fuzz "$name"
done
close_suite
