// Names of Prometheus made from the names of others: the label that a tag's key
// becomes, of an instance's `tags` and of a DogStatsD tag that
// `statsd.tag_labels` lets through, and what stands in any name. Pure.
#pragma once

#include <string>
#include <string_view>

namespace gunicorn_exporter {

// `text` as it may stand in a name: each character (not each byte of it) but
// letters, digits and "_" becomes "_", a digit in front gets one.
std::string MakeName(std::string_view text);

// A valid label name: each other character becomes "_", a digit in front gets
// one. A name that a series uses itself ("app", "le"), or that Prometheus keeps
// for itself ("__name__"), becomes "tag_NAME". Empty for an empty key.
std::string TagLabelName(std::string_view key);

}  // namespace gunicorn_exporter
