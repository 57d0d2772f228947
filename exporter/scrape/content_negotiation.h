// What a client can read: the Accept and Accept-Encoding headers (RFC 9110,
// 12.5), with their q-values. Pure functions, safe from any thread.
#pragma once

#include <string>
#include <string_view>

#include "exporter/scrape/exposition.h"

namespace gunicorn_exporter {

// The format that `accept` prefers, as Prometheus' own client library
// (expfmt.NegotiateIncludingOpenMetrics) reads it: the highest q first, the
// first named of equal ones; text where it names nothing that we have.
//
//     application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;
//         encoding=delimited                          protobuf
//     application/openmetrics-text[;version=1.0.0]    OpenMetrics
//     text/plain[;version=0.0.4]                      text
//
// Other versions and other encodings are not ours and are passed over.
ExpositionFormat NegotiateFormat(std::string_view accept);

// Whether the answer may be compressed: gzip (or *) with a q above 0.
bool AcceptsGzip(std::string_view accept_encoding);

// Compression of an answer (RFC 1952).
std::string Gzip(std::string_view bytes);

}  // namespace gunicorn_exporter
