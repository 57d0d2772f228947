// Names of Prometheus made from the names of others: the label that a tag's key
// becomes, of an instance's `tags` and of a DogStatsD tag that
// `statsd.tag_labels` lets through, and what stands in any name. Pure.
#pragma once

#include <string>
#include <string_view>

namespace gunicorn_exporter {

// Appends `part` as it may stand in a name: each character (not each byte of
// it) but letters, digits, "_" and those of `also` becomes "_", a digit that
// would be first gets one.
void AppendNamePart(std::string_view part, std::string_view also,
                    std::string& name);

// A valid label name: each other character becomes "_", a digit in front gets
// one. A name that a series uses itself ("app", "le"), or that Prometheus keeps
// for itself ("__name__"), becomes "tag_NAME". Empty for an empty key.
std::string TagLabelName(std::string_view key);

}  // namespace gunicorn_exporter
