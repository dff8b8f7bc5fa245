# A small project: generated sources, pattern rules, functions, includes, a sub-make, rebuilding.
SHELL := /bin/sh
NAMES := alpha beta gamma delta
PARTS := $(NAMES:%=obj/%.o)
VERSION := $(shell echo 1.2 | sed 's/\./-/')
.PHONY: all again clean
all: report again
report: program.txt
	@echo "== $(notdir $<) of $(words $(PARTS)) parts, version $(VERSION)"
	@cat $<
program.txt: $(PARTS) header.h
	cat $(PARTS) | sort >$@
	@test -s $@
obj/%.o: src/%.c header.h | obj
	@echo "compile $*"
	@tr a-z A-Z <$< >$@
src/%.c: | src
	@echo "text of $* ($(shell echo $* | wc -c | tr -d ' '))" >$@
header.h: config.mk
	@echo '#define LEVEL $(LEVEL)' >$@
config.mk:
	@echo 'LEVEL := 7' >$@
obj src:
	mkdir -p $@
again: report
	@echo "== nothing left to do:"; $(MAKE) --no-print-directory -f $(firstword $(MAKEFILE_LIST)) -q program.txt && echo "up to date"
	@sleep 0.05; touch src/beta.c
	@echo "== one source touched:"; $(MAKE) --no-print-directory -f $(firstword $(MAKEFILE_LIST)) program.txt
	-@false
	@echo "== upper: $(foreach n,$(NAMES),$(n)-$(subst a,A,$(n)))"
	@echo "$(filter %a,$(NAMES)) / $(sort z y x y) / $(patsubst %.c,%.o,x.c y.c) / $(if $(LEVEL),level $(LEVEL))"
include config.mk
.SECONDARY:
