# cd and pwd: relative, .., -, symlinks logical and physical, CDPATH, errors, removed directories.
cd "$1" || exit 99
base=$(pwd)
rel() { case $PWD in "$base") echo . ;; "$base"/*) echo "${PWD#$base/}" ;; *) echo "$PWD" ;; esac; }
mkdir -p a/b/c x
ln -s a/b link
cd a/b; rel
cd ..; rel
cd - >/dev/null; rel
cd ../../x; rel
cd "$base/link/c"; rel
pwd | sed "s|$base|BASE|"; pwd -P | sed "s|$base|BASE|"
cd ..; rel
cd -P "$base/link"; rel
cd "$base"
(cd no-such 2>/dev/null); echo "status $?"
: >file; (cd file 2>/dev/null); echo "status $?"
(cd / && pwd; cd usr/bin && pwd; cd ../.. && pwd; cd //usr/./lib/.. && pwd)
HOME=$base/x; cd; rel
cd "$base"; CDPATH=$base/a; cd b | sed "s|$base|BASE|"; rel; unset CDPATH
cd "$base"
mkdir gone; cd gone; rmdir "$base/gone"
ls; (cd ../x && rel)
(: >new) 2>/dev/null || echo "nothing can be made here"
cd "$base"; rel
echo "$OLDPWD" | sed "s|$base|BASE|"
/bin/pwd | sed "s|$base|BASE|"
(unset PWD; cd a; pwd | sed "s|$base|BASE|")
