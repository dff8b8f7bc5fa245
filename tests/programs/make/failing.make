# exit=2
# A target that fails: its file is deleted, others go on with -k, the status is 2.
.DELETE_ON_ERROR:
MAKEFLAGS += -k --no-print-directory
.PHONY: all show
all: good bad after other
	@echo "not reached"
good:
	@echo made >$@; echo "good is made"
bad:
	@echo half >$@; exit 3
after: bad
	@echo "not reached either"
other: good
	@test ! -e bad && echo "bad was deleted"; cat good
missing: no-such-source
	@echo no
