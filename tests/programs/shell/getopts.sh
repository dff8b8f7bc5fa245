# getopts: flags, arguments, bundling, errors, --, silent mode, several rounds.
cd "$1" || exit 99
parse() {
    OPTIND=1
    while getopts ab:c opt "$@"; do
        case $opt in
        a | c) echo "flag $opt" ;;
        b) echo "b with '$OPTARG'" ;;
        *) echo "unknown" ;;
        esac
    done
    shift $((OPTIND - 1))
    echo "rest ($#): $*"
}
parse -a -b value -c rest of it
parse -ab value
parse -acbvalue x
parse -a -- -b
parse plain -a
parse
parse -x 2>/dev/null
parse -b 2>/dev/null
silent() {
    OPTIND=1
    while getopts :n:v opt "$@"; do
        case $opt in
        v) echo verbose ;;
        n) echo "n=$OPTARG" ;;
        :) echo "-$OPTARG wants an argument" ;;
        \?) echo "no option -$OPTARG" ;;
        esac
    done
}
silent -v -n 5
silent -n
silent -q -v
silent -vn7 -v
