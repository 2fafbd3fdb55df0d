/* The three works' results, each as one JSON object. */
#pragma once
#include "connect.h"
#include "idle.h"
#include "run.h"

void report_fan(Measurement measurement);
void report_connect(const ConnectMeasurement *measurement);
void report_idle(IdleMeasurement measurement);
