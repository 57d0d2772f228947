// GET /api/v1/status: what the status page shows, as JSON.
//
//     {
//       "version": "0.2.0",
//       "time": 1790000000.5,              Unix seconds
//       "status": "ok",                    "ok" or "critical", as /health
//       "apps": [{                         by name
//         "app": "my_app",
//         "status": "ok",                  or "critical", or "remote": known
//                                          from its StatsD lines alone
//         "pod_uid": "...",                with process.pod_labels alone, as
//         "container_id": "...",           is this
//         "configured": true,
//         "message": "my_app: 1 master, 3 idle and 1 working workers",
//         "tags": {"env": "prod"},
//         "worker_class": "gthread",
//         "masters": 1,
//         "workers": {"idle": 3, "working": 1, "unknown": 0},
//         "worker_list": [{"pid": 4711, "state": "working",   by pid
//                          "requests_in_progress": 1,
//                          "oldest_request_seconds": 12.5}],
//                                          the kMostListedWorkers longest at
//                                          work; [] where it is not known which
//                                          worker has which requests
//         "dirty_workers": 2,
//         "connections": 4,
//         "queue": {"length": 0, "limit": 2048, "overflows_total": 0,
//                   "full": false},        of an address, whichever
//         "waits": "8 requests wait for 10.0.0.5:5432, the oldest for 12 s",
//                                          "" where none has waited a second
//         "upstreams": [{"peer": "10.0.0.5:5432", "waits": 8,  most waits first
//                        "oldest_wait_seconds": 12.5, "connections": 24}],
//         "requests_in_progress": 8,
//         "oldest_request_age_seconds": 12.5,
//         "requests_lost_total": 0,
//         "last_minute": {"seconds": 60,   less, or more, where that is known
//                         "requests_per_second": 20.5,
//                         "error_ratio": 0.05},   of 500 to 599 and lost ones
//         "requests_total": 1234,
//         "status_codes": {"200": 1200, "500": 34},     totals
//         "errors_total": 34,                           of 500 to 599
//         "duration": {"p50": 0.01, "p95": 0.2, "max": 1.5,   the window's
//                      "count_total": 1234, "sum_total": 60.5},
//         "log_messages": {"error": 1},                 totals
//         "cpu_seconds_total": 12.5,
//         "resident_bytes": 104857600,
//         "master_start_seconds": 1789990000,           Unix time
//         "heartbeat_age_seconds": 0.5,
//         "last_packet_seconds": 1789999999,            Unix time
//         "lines_carry": "the prefix \"superset\"",     "" where that is its
//                                          name, nothing, or not known
//         "hints": ["..."]
//       }],
//       "statsd": {"packets": {"udp": 10}, "lines": {"udp": 40},   all totals
//                  "errors": {"bad_value": 1}, "ignored": {}, "dropped": 0,
//                  "refused_series": 0, "series": 96,
//                  "examples": [{"reason": "unmatched",   the last of each
//                                "line": "a:1|c",         at most 200 bytes
//                                "sender": "pid 17", "time": 1789999999}]},
//       "collectors": [{"collector": "process", "success": true,
//                       "duration_seconds": 0.004}],
//       "hints": ["..."]
//     }
//
// What is not known is null. Members are only ever added. Pure function.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "collectors/metric_family.h"
#include "collectors/series/time_point.h"
#include "exporter/status/health.h"
#include "exporter/status/history.h"

namespace gunicorn_exporter {

// Of one app. The status page draws as many.
inline constexpr std::size_t kMostListedWorkers = 96;

// `statsd_address` as for HintsForApp().
std::string StatusJson(const std::vector<MetricFamily>& families,
                       const KnownApps& known, const History& history,
                       const TimePoint& now, const std::string& statsd_address);

}  // namespace gunicorn_exporter
