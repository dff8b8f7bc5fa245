# Twelve jobs, four at a time, through the job server, with a sub-make that shares it.
JOBS := 1 2 3 4 5 6 7 8 9 10 11 12
MAKEFLAGS += --no-print-directory
ME := $(firstword $(MAKEFILE_LIST))
.PHONY: all
all:
	@$(MAKE) -f $(ME) -j4 sum
sum: $(JOBS:%=part.%)
	@cat $^ | sort -n | paste -s -d+ -
	@$(MAKE) -f $(ME) -j3 sub.1 sub.2 sub.3 && cat sub.1 sub.2 sub.3
part.%:
	@n=0; while [ $$n -lt $* ]; do n=$$((n + 1)); done; echo $$n >$@
sub.%:
	@$(MAKE) -f $(ME) deep.$*.a deep.$*.b && cat deep.$*.a deep.$*.b >$@
deep.%:
	@echo "$@" >$@
