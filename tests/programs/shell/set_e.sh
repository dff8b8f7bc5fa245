# exit=3
# set -e: where a failure ends the script, and where it does not.
cd "$1" || exit 99
run() {
    echo "--- $1"
    sh -c "set -e; $1; echo survived"
    echo "status $?"
}
run 'true'
run 'false'
run 'false || true'
run 'if false; then :; fi'
run 'while false; do :; done'
run '! true'
run 'false | true'
run 'true | false'
run '(exit 4)'
run 'x=$(exit 5)'
run 'echo $(exit 5)'
run 'f() { false; echo in f; }; f || echo f failed'
run 'f() { false; echo in f; }; f'
run 'false && true'
run '{ false; }'
run 'eval false'
run 'trap "echo trap" EXIT; false'
run 'set +e; false; set -e'
run 'for i in 1 2; do test $i = 1; done'
run 'case a in a) false;; esac'
set -e
(false) || echo "checked"
sh -c 'exit 3'
echo "not reached"
