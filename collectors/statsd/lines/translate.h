// What gunicorn's names mean: the only table of gunicorn.* in the project, from
// gunicorn/instrument/statsd.py, arbiter.py and workers/gthread.py.
//
// Pure functions: no I/O, no clock, no allocation, safe from any thread.
#pragma once

#include <string_view>

#include "collectors/series/event.h"
#include "collectors/statsd/lines/parse_line.h"

namespace gunicorn_exporter {

// kAccepted; kUnmatched where the name is not gunicorn's; kBadType where the
// type does not fit the name; kBadValue where one of the values is negative and
// the name is not a gauge's. Both answers are whole where it is kAccepted, else
// undefined: `event` has the line's first value and its weight, `prefix` is
// what stands before gunicorn's own name ("my_prefix" of
// "my_prefix.gunicorn.requests", "a" of "agunicorn.requests"), or empty.
LineVerdict Translate(const Sample& sample, Event& event,
                      std::string_view& prefix);

// Without the dots at its end, which gunicorn replaces with one of its own.
std::string_view WithoutLastDots(std::string_view prefix);

// What stands before ".gunicorn." in a name that is not gunicorn's, as an app's
// own in gunicorn's namespace: "shop" of "shop.gunicorn.orders". Or empty.
std::string_view ForeignPrefix(std::string_view name);

// One of the line's values is below zero.
bool HasNegative(const Sample& sample);

// Gives the event another value, in base units: a duration's in seconds.
void SetEventValue(const SampleValue& value, Event& event);

}  // namespace gunicorn_exporter
