/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/proc/task.h"
