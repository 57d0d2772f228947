// gunicorn's --access-logformat as a regular expression, so that `pattern` of a
// log can be the very format that gunicorn was given. Pure.
#pragma once

#include <string>
#include <string_view>

namespace gunicorn_exporter {

// Whether the text has an atom of such a format: "%(s)s".
bool IsAccessLogFormat(std::string_view text);

// An RE2 expression for whole lines of the format. %(s)s becomes the group
// `status`; of the durations, the finest becomes its group: %(D)s
// `microseconds`, %(L)s `seconds`, %(M)s `milliseconds`, %(T)s `seconds`.
// Source: gunicorn's documentation of access_log_format.
std::string AccessLogFormatToPattern(std::string_view format);

}  // namespace gunicorn_exporter
