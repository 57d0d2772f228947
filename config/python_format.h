// Python's %-formats as regular expressions, so that `pattern` of a log can be
// the very --access-logformat that gunicorn was given, and `error_pattern` the
// format of its error log's formatter. Pure.
//
//     %(h)s "%(r)s" %(s)d %({x-request-id}i)s %(L).3f
//     %(asctime)s [%(process)d] [%(levelname)-8s] %(message)s
#pragma once

#include <string>
#include <string_view>

namespace gunicorn_exporter {

// Whether the text has an atom of such a format, "%(s)s", and is no regular
// expression that names its groups itself.
bool IsPythonFormat(std::string_view text);

// RE2 expressions for whole lines of the format. %(s)s becomes the group
// `status`; of the durations, the finest becomes its group: %(D)s
// `microseconds`, %(L)s `seconds`, %(M)s `milliseconds`, %(T)s `seconds`.
// %(levelname)s or %(levelno)s becomes `level`, %(process)d `pid`, %(message)s
// `message`. Both throw std::invalid_argument, which says why, where Python
// cannot format so, or what it writes is not the number that the group needs.
// Sources: gunicorn's documentation of access_log_format, Python's of printf-
// style formatting and of LogRecord's attributes.
std::string AccessFormatToPattern(std::string_view format);
std::string ErrorFormatToPattern(std::string_view format);

}  // namespace gunicorn_exporter
