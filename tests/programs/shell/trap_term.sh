# signal=SIGTERM
# A script with a TERM handler that cleans up and then dies of the signal itself.
cd "$1" || exit 99
echo data >state
handler() {
    echo "handler: removing state"
    rm state
    trap - TERM
    kill -TERM $$
    echo "not reached"
}
trap handler TERM
trap 'echo "int: $?"' INT
(exit 5)
kill -INT $$
echo "still running"
sleep 5 &
sleeper=$!
(
    sleep 0.1
    kill -TERM $$
) &
wait $sleeper
echo "interrupted: $?"
echo "not reached"
