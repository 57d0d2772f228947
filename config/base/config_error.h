// A start or a reload that cannot work. what() is one line for the user that
// says which setting is meant, what is wrong and, where it helps, what was
// expected:
//
//     config.yml:14: statsd.series_ttl: "5 min" is not a duration; write ...
//     statsd.listen_udp: cannot bind 127.0.0.1:8125: Address already in use
#pragma once

#include <stdexcept>

namespace gunicorn_exporter {

class ConfigError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace gunicorn_exporter
