# umask: numeric and symbolic, effect on files, directories, fifos; inheritance.
cd "$1" || exit 99
mode() { ls -ld "$1" | cut -c1-10; }
umask
: >f1; mkdir d1; mode f1; mode d1
umask 077; : >f2; mkdir d2; mkfifo p2; mode f2; mode d2; mode p2
umask 000; : >f3; mkdir d3; mode f3; mode d3
umask 027; umask; umask -S
umask u=rwx,g=rx,o=; umask
umask g+w; umask
sh -c 'umask; umask 0; umask'
umask
(umask 0777; : >f4; mode f4)
umask 022
install -m 640 f1 f5; mode f5
mkdir -m 1777 d5; mode d5
cp f2 f6; mode f6
umask 077; cp f3 f7; mode f7
chmod 4755 f1; mode f1; chmod u-s,g+s f1; mode f1
chmod =r f1; mode f1; chmod a+x,u+w f1; mode f1
chmod -R go= d3; mode d3
stat -c '%a %A' f1 f2 d1 d5
umask 99 2>/dev/null; [ $? -ne 0 ] && echo "bad mask refused"
