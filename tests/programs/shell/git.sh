# Sourced by the cases of tour/git.txt: who commits, and when.
export HOME="$PWD" GIT_CONFIG_NOSYSTEM=1 GIT_PAGER=cat
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_AUTHOR_DATE='2020-01-01T00:00:00Z'
export GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b GIT_COMMITTER_DATE='2020-01-01T00:00:00Z'
# One thread: what git does by others depends on the number of processors.
export GIT_CONFIG_COUNT=3 GIT_CONFIG_KEY_0=pack.threads GIT_CONFIG_VALUE_0=1
export GIT_CONFIG_KEY_1=index.threads GIT_CONFIG_VALUE_1=1
export GIT_CONFIG_KEY_2=core.preloadIndex GIT_CONFIG_VALUE_2=false
