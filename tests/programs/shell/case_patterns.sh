# case: patterns with classes, alternatives, quoting, expansion, fall to the default.
cd "$1" || exit 99
kind() {
    case $1 in
    '') echo empty ;;
    -*) echo option ;;
    *[!0-9]*)
        case $1 in
        *.[ch]) echo source ;;
        [A-Z]*) echo capital ;;
        ?) echo one ;;
        ??) echo two ;;
        *' '*) echo blank ;;
        y | yes | Y*) echo agreed ;;
        *) echo other ;;
        esac
        ;;
    0*) echo octal ;;
    *) echo number ;;
    esac
}
for w in '' -x 12 007 main.c Hello a ab 'a b c' yes y word.h 'x y' 12a; do
    echo "<$w> $(kind "$w")"
done
p='a*'
case abc in $p) echo "pattern from a variable" ;; esac
case abc in "$p") echo no ;; *) echo "quoted: literal" ;; esac
case 'a*' in "$p") echo "literal matches itself" ;; esac
case ']' in []]) echo bracket ;; esac
case - in [a-]) echo dash ;; esac
case b in [!a]) echo "not a" ;; esac
case '\' in '\') echo backslash ;; esac
case "$(echo sub)" in s?b) echo substituted ;; esac
case x in (x) echo "leading parenthesis" ;; esac
case é in ?) echo "one character" ;; *) echo "bytes" ;; esac
case 5 in [[:digit:]]) echo digit ;; esac
case x in [[:alpha:]]) echo letter ;; esac
case x in y) ;; *) ;; esac; echo "empty branches: $?"
for i in 1 2 3; do case $i in 2) continue ;; esac; echo $i; done
case abcabc in *abc) echo suffix ;; esac
