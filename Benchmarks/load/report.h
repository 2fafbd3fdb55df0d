#pragma once
#include "run.h"

/* Prints one JSON object. */
void report(Measurement measurement);
