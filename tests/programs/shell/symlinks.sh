# Links: symbolic and hard, chains, loops, dangling, through directories, renames.
cd "$1" || exit 99
echo content >file
ln -s file l1; ln -s l1 l2; ln -s l2 l3
cat l3; readlink l3; readlink -f l3 | sed 's|.*/||'
echo more >>l2; cat file
ln file hard; echo hard >>hard; tail -n 1 file; stat -c %h file
rm file; cat hard; cat l1 2>/dev/null; echo "dangling: $?"
echo new >l1; ls file; cat file
ln -s loop2 loop1; ln -s loop1 loop2
cat loop1 2>/dev/null; echo "loop: $?"
mkdir -p d/e; ln -s d/e de; echo x >de/f; cat d/e/f
ln -s ../../file d/e/up; cat de/up
(cd de && cat ../../file); ls -F | grep '@'
mv l1 moved; readlink moved; rm moved; ls file
ln -s /no/such/place abs; [ -e abs ] || [ -L abs ] && echo "link without a target"
ln -sf file abs; cat abs
ln -sfn d de2; ln -sfn d/e de2; readlink de2
cp -P l2 cl; readlink cl; cp -L abs cf; [ -L cf ] || cat cf
cp -a de2 cd2; readlink cd2
rm -r d; ls de 2>/dev/null; echo "target gone: $?"
i=0; ln -s end c0; while [ $i -lt 45 ]; do ln -s c$i c$((i + 1)); i=$((i + 1)); done; echo bottom >end
cat c30; cat c45 2>/dev/null; echo "too many: $?"
rmdir abs 2>/dev/null; echo "not a directory: $?"
ln hard hard2 && rm hard hard2 && echo removed
ls -l abs | sed 's/.* \(abs.*\)/\1/'
