# A server and clients over named pipes: requests, answers, a shutdown.
cd "$1" || exit 99
mkfifo req
server() {
    while read -r client op a b; do
        case $op in
        add) r=$((a + b)) ;;
        mul) r=$((a * b)) ;;
        up) r=$(echo "$a" | tr a-z A-Z) ;;
        quit) break ;;
        *) r="error: $op" ;;
        esac
        echo "$r" >"answer.$client"
    done
    echo "server ends"
}
server <req >server.log &
pid=$!
exec 3>req
ask() {
    client=$1
    mkfifo "answer.$client"
    echo "$@" >&3
    read -r r <"answer.$client"
    rm "answer.$client"
    echo "$*: $r"
}
ask 1 add 2 3
ask 2 mul 6 7
ask 3 up shout
ask 4 nonsense
for i in 5 6 7 8 9; do ask $i add $i $i; done
(ask 10 mul 3 3) & (wait)
wait_for() { while [ -p "$1" ]; do sleep 0.02; done; }
sleep 0.1; wait_for answer.10
echo "0 quit" >&3
exec 3>&-
wait $pid; echo "status $?"
cat server.log
ls
