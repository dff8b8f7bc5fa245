# Indexed and associative arrays.
cd "$1" || exit 99
a=(one two "three four" [7]=seven)
echo "${#a[@]} ${!a[@]} ${a[2]} ${a[-1]}"
a+=(eight); printf '<%s>' "${a[@]}"; echo
unset 'a[1]'; echo "${!a[@]}"; echo "${a[@]:1:2}"
declare -A m=([red]=1 [green]=2 ["two words"]=3)
m[blue]=4; for k in "${!m[@]}"; do echo "$k=${m[$k]}"; done | sort
unset 'm[red]'; echo "${#m[@]} ${m[red]-none}"; [[ -v m[blue] ]] && echo "blue is set"
mapfile -t lines < <(printf '%s\n' x "y z" w); echo "${#lines[@]} ${lines[1]}"
b=("${a[@]/#/pre-}"); echo "${b[*]}"; IFS=,; echo "${a[*]}"; unset IFS
declare -i n=5; n+=3; echo $n; declare -r c=const; (c=x) 2>/dev/null || echo "readonly"
sum() { local t=0 x; for x; do ((t += x)); done; echo $t; }; sum "${lines[@]/*/2}"
sorted=($(printf '%s\n' 5 3 9 1 | sort -n)); echo "${sorted[@]}"
ref() { local -n r=$1; r+=(added); }; ref a; echo "${a[@]: -1}"
read -ra words <<<"split these words"; echo "${#words[@]} ${words[2]}"
